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


@pytest.mark.parametrize("width", [360, 400, 1280])
def test_every_number_of_a_table_is_on_the_screen(width, tmp_path, open_page):
    page = open_page(page_of(make_results(tmp_path), []), viewport={"width": width, "height": 800})
    ends = page.locator(".report td.number, .bar .value").evaluate_all(
        "cells => cells.map(c => { const box = c.getBoundingClientRect(); return [box.left, box.right, box.width]; })"
    )
    assert len(ends) == 2 * 5 * 4 + 3 * 4
    assert all(left >= 0 and right <= width and size > 0 for left, right, size in ends)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_first_screen_has_a_sentence_and_four_bars_for_each_run_or_mean_of_seeds(tmp_path, open_page):
    page = open_page(page_of(make_results(tmp_path), []), viewport={"width": 1280, "height": 800})
    names = page.locator(".headline .name").all_text_contents()
    assert names == ["untrained, seed 0", "ntp, seed 0", "bico, mean of seeds"]
    assert page.locator(".headline .sentence").last.text_content() == (
        "As trained, 35.0 % of the descriptions and 100.0 % of the names; reversed, 70.0 % of the names and 2.0 % of "
        "the descriptions."
    )
    assert page.locator(".headline .sentence").first.text_content().startswith("Untrained, 0.0 % of the descriptions")
    lines = [page.locator(".headline li").nth(row).locator("line.deviation, line.interval") for row in (0, 2)]
    assert [of.first.get_attribute("class") for of in lines] == ["interval", "deviation"]
    assert page.locator(".headline .bar").count() == 12
    assert page.locator(".headline li").last.bounding_box()["y"] < 800
    width = "(bar) => bar.getBBox().width / bar.ownerSVGElement.getBoundingClientRect().width"
    shown = page.locator(".headline li").last.locator(".fill").evaluate_all(f"bars => bars.map({width})")
    assert shown == pytest.approx([0.35, 1.0, 0.7, 0.02], abs=0.01)


def test_a_heading_begins_where_the_numbers_below_it_begin(tmp_path, open_page):
    page = open_page(page_of(make_results(tmp_path), []), viewport={"width": 1280, "height": 800})
    head = page.locator(".report th.number button").first.bounding_box()
    number = page.locator(".report td.number .mean").first.bounding_box()
    assert head["x"] == pytest.approx(number["x"], abs=2)


def test_the_links_to_the_sections_stay_on_the_screen(small, open_page):
    page = open_page(small[0])
    page.evaluate("document.getElementById('predictions').scrollIntoView()")
    assert page.locator("header").bounding_box()["y"] == 0
    assert page.locator("#predictions h2").bounding_box()["y"] >= page.locator("header").bounding_box()["height"]


def test_without_predictions_or_plots_nothing_is_broken(tmp_path, open_page):
    page = open_page(page_of(make_results(tmp_path), []))
    assert page.locator("#predictions, .plots").count() == 0
    titles = ["Accuracy (contains), percent", "Accuracy (contains)", "Similarity of descriptions"]
    assert page.locator("h2").all_text_contents() == titles


def test_plots_are_drawn_each_with_its_own_ids(small, tmp_path, open_page):
    path = page_of(make_results(tmp_path), [], plots=[PLOT.format(title=name) for name in ("One", "Two")])
    page = open_page(path)
    sizes = page.evaluate("[...document.images].map((i) => [i.alt, i.complete, i.naturalWidth, i.naturalHeight])")
    assert sizes == [["One", True, 40, 20], ["Two", True, 40, 20]]
    assert page.locator("#shape").count() == 0
