"""The page in a headless Chromium: what a person does with it."""

import csv

from page_runs import HOSTILE, page_of, two_runs
from raw_records import write_raw_predictions
from report_runs import make_results

PAGE_ROWS = 50
IDS = "[...document.querySelectorAll('#list td.id')].map((cell) => cell.textContent)"


def count(page) -> int:
    """The number of matching prompts that the page tells."""
    text = page.text_content("#count")
    return 0 if text.startswith("No ") else int(text.split()[0].replace(",", ""))


def choose(page, value) -> None:
    page.check(f"[name=outcome][value='{value}']")


def column(page, index) -> list[str]:
    return page.evaluate(
        "(at) => [...document.querySelector('.report table').tBodies[0].rows].map((row) => row.cells[at].textContent)",
        index,
    )


def test_a_click_on_a_heading_sorts_numbers_as_numbers_and_keeps_intervals(tmp_path, open_page):
    page = open_page(page_of(make_results(tmp_path), []))
    head = page.locator(".report th", has_text="N2D-reverse").first
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    expected = ["75.0 [65, 85]", "65.0 [55, 75]", "70.0 ± 7.1", "0.0 [0, 10]", "0.0 [0, 10]"]
    assert column(page, 4) == expected
    head.click(position={"x": 2, "y": 2})  # beside the words
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, 4) == ["0.0 [0, 10]", "0.0 [0, 10]", "65.0 [55, 75]", "75.0 [65, 85]", "70.0 ± 7.1"]


def test_enter_and_space_sort_and_a_mean_stays_below_its_seeds(tmp_path, open_page):
    page = open_page(page_of(make_results(tmp_path), []))
    heads = page.locator(".report").first.locator("th")
    heads.nth(0).get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert column(page, 0) == ["bico", "bico", "bico", "ntp", "untrained"]
    assert heads.nth(0).get_attribute("aria-sort") == "ascending"
    heads.nth(1).get_by_role("button").focus()
    for expected in (["1", "0", "mean", "0", "0"], ["0", "1", "mean", "0", "0"]):
        page.keyboard.press("Space")
        assert column(page, 1) == expected
    assert heads.nth(0).get_attribute("aria-sort") is None


def test_the_downloaded_csv_is_the_table(tmp_path, open_page):
    page = open_page(page_of(make_results(tmp_path), []), accept_downloads=True)
    with page.expect_download() as download:
        page.click(".download >> nth=0")
    assert download.value.suggested_filename == "Accuracy_contains.csv"
    rows = list(csv.reader(download.value.path().read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["experiment", "seed", "N2D", "D2N", "N2D-reverse", "D2N-reverse"]
    assert [row[4] for row in rows[1:]] == column(page, 4)


def test_filters_select_what_a_loop_over_the_predictions_selects(small, open_page):
    path, (records, _) = small
    page = open_page(path)
    assert count(page) == len(records) == 120
    page.select_option("#subtask", "N2D-reverse")
    page.fill("#search", "SOMEBODY else, 1")
    page.select_option("#metric", "wrong_entity")
    choose(page, 1)
    expected = [
        record["id"]
        for record in records
        if record["id"].startswith("N2D-reverse/")
        and "somebody else, 1" in record["completion"]
        and record["scores"]["wrong_entity"] == 0
    ]
    assert page.evaluate(IDS) == expected != []
    assert page.text_content("#count") == f"{len(expected)} prompts, 100.0 % right by wrong_entity"
    page.click("#clear")
    page.fill("#entity", "number3")
    assert page.evaluate(IDS) == [record["id"] for record in records if record["entity_id"] == "name-first-0003"]
    page.fill("#search", "nothing has this")
    assert page.text_content("#count") == "No prediction matches these filters."
    assert page.is_hidden("#list")


def test_two_runs_are_paired_by_prompt(small, open_page):
    path, (first, second) = small
    page = open_page(path)
    page.select_option("#run-b", "1")
    for value, a, b in (("11", 1, 1), ("10", 1, 0), ("01", 0, 1), ("00", 0, 0)):
        pairs = [(x, y) for x, y in zip(first, second, strict=True) if x["id"] == y["id"]]
        expected = [(x, y) for x, y in pairs if (x["scores"]["contains"], y["scores"]["contains"]) == (a, b)]
        choose(page, value)
        assert count(page) == len(expected) > 0
        assert page.evaluate(IDS) == [x["id"] for x, _ in expected][:PAGE_ROWS]
        cells = page.locator("#list tbody tr").first.locator(".completion .text")
        shown = [text.removesuffix("\u00a0…") for text in cells.all_text_contents()]
        assert shown == [expected[0][0]["completion"], expected[0][1]["completion"]]
    page.select_option("#run-b", "")
    assert count(page) == len(first)


def test_only_runs_on_the_same_data_can_be_compared(small, open_page):
    page = open_page(small[0])
    disabled = "[...document.getElementById('run-b').options].filter((o) => o.disabled).map((o) => o.text)"
    assert page.evaluate(disabled) == ["first seed 0", "elsewhere seed 0"]
    page.select_option("#run-b", "1")
    page.select_option("#run-a", "2")
    assert page.input_value("#run-b") == ""
    assert count(page) == 20


def test_every_step_can_be_done_with_the_keyboard(small, open_page):
    page = open_page(small[0])
    focused = "document.activeElement.id || document.activeElement.textContent"
    page.keyboard.press("/")
    assert page.evaluate(focused) == "search"
    page.keyboard.type("n2d/")
    assert count(page) == 60
    page.keyboard.press("Escape")
    assert (page.input_value("#search"), count(page)) == ("n2d/", 60)
    assert page.evaluate(focused) == "N2D/0"
    page.keyboard.press("Escape")
    assert (page.input_value("#search"), count(page)) == ("", 120)
    page.evaluate("document.activeElement.blur()")
    for key, expected in (("j", "N2D/0"), ("j", "N2D/1"), ("ArrowDown", "N2D/2"), ("k", "N2D/1"), ("ArrowUp", "N2D/0")):
        page.keyboard.press(key)
        assert page.evaluate(focused) == expected
    page.keyboard.press("k")
    assert page.evaluate(focused) == "N2D/0"
    page.keyboard.press("Enter")
    assert "chrf" in page.text_content("#list .scores")
    page.keyboard.press("Enter")
    assert page.locator("#list .scores").count() == 0
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "next"


def test_the_address_is_a_link_to_what_is_shown(small, open_page):
    path, _ = small
    page = open_page(path)
    assert page.evaluate("location.hash") == ""
    page.select_option("#run-b", "1")
    page.select_option("#subtask", "N2D-reverse")
    page.select_option("#metric", "wrong_entity")
    page.fill("#entity", "Number3")
    page.fill("#search", "other & more? #1")
    page.fill("#search", "lighthouse")
    choose(page, "01")
    link, shown = page.evaluate("location.href"), page.evaluate(IDS)
    again = open_page(path, fragment=link.partition("#")[2])
    assert again.evaluate(IDS) == shown
    assert again.input_value("#search") == "lighthouse"
    assert again.text_content("#count") == page.text_content("#count")
    page.click("#clear")
    assert "search" not in page.evaluate("location.hash")
    again.evaluate("location.hash = '#a=nobody&subtask=D2X&show=9'")
    again.wait_for_function("document.getElementById('count').textContent.startsWith('120 ')")


def test_the_first_stop_of_the_keyboard_leads_to_the_content(small, open_page):
    page = open_page(small[0])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert count(page) == 120


def test_moving_past_the_last_row_turns_the_page(small, open_page):
    page = open_page(small[0])
    page.locator("#list .id button").nth(PAGE_ROWS - 1).focus()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == f"N2D/{PAGE_ROWS}"
    assert page.text_content("#place") == "51\u2013100 of 120"
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == f"N2D/{PAGE_ROWS - 1}"


def test_hostile_text_is_shown_as_text(tmp_path, open_page):
    runs, (records, _) = two_runs(tmp_path, len(HOSTILE))
    for record, text in zip(records, HOSTILE, strict=False):
        record |= {"completion": text, "prompt": text, "target": "no"}
    write_raw_predictions(runs[0], "N2D", records[: len(HOSTILE)])
    page = open_page(page_of(tmp_path, runs[:1], notes=[HOSTILE[0]]), viewport={"width": 390, "height": 800})
    shown = page.locator("#list .completion .text").all_text_contents()[: len(HOSTILE)]
    seen = [text.removesuffix("\u00a0…") for text in shown]
    assert seen == [
        HOSTILE[0],
        " abc ⟨U+202E⟩desrever",
        " nul⟨U+0000⟩ ⟨U+200B⟩ <!-- & $style ⟨U+2028⟩",
        HOSTILE[3],
    ]
    assert page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_twenty_thousand_predictions_stay_usable(tmp_path, open_page):
    runs, records = two_runs(tmp_path, 5_000)
    page = open_page(page_of(tmp_path, runs))
    rows = page.locator("#list tbody tr")
    assert (count(page), rows.count()) == (10_000, PAGE_ROWS)
    page.select_option("#run-b", "1")
    choose(page, "10")
    expected = sum(x["scores"]["contains"] > y["scores"]["contains"] for x, y in zip(*records, strict=True))
    assert (count(page), rows.count()) == (expected, PAGE_ROWS)
    page.fill("#search", "number499, 7")
    assert set(page.evaluate(IDS)) <= {"N2D/4997"}
    page.click("#clear")
    page.fill("#search", "n2d-reverse/49")
    assert count(page) == sum("n2d-reverse/49" in record["id"].lower() for record in records[0])
    assert rows.count() == PAGE_ROWS
