"""The page in a headless Chromium: themes, contrast, a phone, plots, and what happens where something is missing."""

import pytest
from page_runs import PLOT, page_of
from report_runs import make_results

CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (rgba(colour)[3] === 255) return rgba(colour);
    }
    return [255, 0, 255, 255];
  };
  const texts = [...document.querySelectorAll("body *")].filter((element) =>
    element.checkVisibility() && !element.disabled && !element.matches("script, .unseen, option") &&
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return texts.map((e) => [e.tagName + "." + e.className, rgba(getComputedStyle(e).color), ground(e)]);
}"""


def luminance(rgba) -> float:
    """Relative luminance of WCAG 2."""
    parts = [value / 255 for value in rgba[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_a_contrast_of_at_least_4_5_in_both_themes(small, open_page, scheme):
    page = open_page(small[0], color_scheme=scheme, reduced_motion="reduce")
    page.click(".report th button >> nth=3")
    page.click("#list .id button >> nth=1")
    page.mouse.move(0, 0)
    measured = page.evaluate(CONTRASTS)
    assert len(measured) > 200
    assert (luminance(measured[0][2]) > 0.5) == (scheme == "light")
    for name, ink, paper in measured:
        low, high = sorted((luminance(ink), luminance(paper)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ink, paper)


def test_the_chosen_theme_is_remembered(small, open_page):
    page = open_page(small[0], color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.click("text=Dark theme")
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    page.click("text=Light theme")
    assert page.evaluate(ground) == light


def test_a_browser_that_forbids_storage_still_changes_its_theme(small, open_page):
    forbid = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden'); }});"
    page = open_page(small[0], script=forbid, color_scheme="dark")
    page.click("text=Light theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.locator("#list td.id").count() == 50


def test_a_phone_shows_all_without_scrolling_sideways(small, open_page):
    page = open_page(small[0], viewport={"width": 360, "height": 740})
    page.select_option("#run-b", "1")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    labels = page.locator("#list tbody tr").first.locator("td").evaluate_all("cells => cells.map(c => c.dataset.label)")
    pairs = [f"{name} {run}" for run in "AB" for name in ("Completion", "Rank", "Names")]
    assert labels == [None, "Prompt", "Target", *pairs]


def test_without_predictions_or_plots_nothing_is_broken(tmp_path, open_page):
    page = open_page(page_of(make_results(tmp_path), []))
    assert page.locator("#predictions, .plots").count() == 0
    assert page.locator("h2").all_text_contents() == ["Accuracy (contains)", "Similarity of descriptions"]


def test_plots_are_drawn_each_with_its_own_ids(small, tmp_path, open_page):
    path = page_of(make_results(tmp_path), [], plots=[PLOT.format(title=name) for name in ("One", "Two")])
    page = open_page(path)
    sizes = page.evaluate("[...document.images].map((i) => [i.alt, i.complete, i.naturalWidth, i.naturalHeight])")
    assert sizes == [["One", True, 40, 20], ["Two", True, 40, 20]]
    assert page.locator("#shape").count() == 0
