"""A headless Chromium, shared by the tests of a module, and a small page."""

import shutil

import pytest
from page_runs import add_predictions, page_of, two_runs
from report_runs import make_run


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium; where there is none the tests that need it are skipped."""
    api = pytest.importorskip("playwright.sync_api", reason="no playwright; `pip install -e '.[test]'` brings it")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium on the PATH; `apt-get install chromium` lets these tests run")
    with api.sync_playwright() as playwright:
        # Chromium refuses its sandbox to root, which is who tests in a container are.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Opens a file in a fresh profile. At the end of the test: no error, no dialog, no request but for the file."""
    complaints = []
    contexts = []

    def open_(path, script="", fragment="", **options):
        context = browser.new_context(**options)
        contexts.append(context)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: request.url[:5] in ("data:", "blob:") or requests.append(request.url))
        requests = []
        page.goto(f"{path.as_uri()}#{fragment}" if fragment else path.as_uri())
        assert [request.partition("#")[0] for request in requests] == [path.as_uri()]
        page.evaluate("document.fonts.ready")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A page of two runs with 60 predictions for each of two subtasks, and a third run on another dataset."""
    results = tmp_path_factory.mktemp("small")
    runs, records = two_runs(results, 60)
    other = make_run(results, "elsewhere", "bico", {}, data="b")
    add_predictions(other, 10)
    return page_of(results, [*runs, other]), records
