// Runs in the head, before anything is drawn, so that the page does not flash in the other theme.
"use strict";
{
  const KEY = "reversal-report-theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  // A browser may forbid storage, especially for a local file: the theme then lasts until the page is closed.
  const remembered = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };
  const remember = (theme) => {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      /* the page works without it */
    }
  };

  const apply = (theme) => {
    root.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) button.textContent = theme === "dark" ? "Light theme" : "Dark theme";
  };
  const preferred = () => {
    const theme = remembered();
    return theme === "dark" || theme === "light" ? theme : system.matches ? "dark" : "light";
  };

  apply(preferred());
  system.addEventListener("change", () => apply(preferred()));
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    button.hidden = false;
    button.addEventListener("click", () => {
      const theme = root.dataset.theme === "dark" ? "light" : "dark";
      remember(theme);
      apply(theme);
    });
    apply(root.dataset.theme);
  });
}
