"""A browser for tests of pages: Chromium without a window, and what it says of them."""

import json
import shutil

import pytest

BROWSERS, DRIVER = ("chromium", "chromium-browser", "google-chrome"), "chromedriver"


def start():
    """A driver of the browser, or a skip that says what is missing."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which(DRIVER)
    if browser is None or driver is None:
        pytest.skip("no browser to open pages in: install Debian's chromium and chromium-driver, or their like")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium drives the browser: pip install '.[dev]'")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def opened(driver, path, html):
    """Open a page of a fragment alone, as a file."""
    driver.get_log("performance")
    path.write_text(f'<!doctype html><meta charset="utf-8"><title>page</title>{html}', encoding="utf-8")
    driver.get(path.as_uri())


def requests(driver):
    """The addresses that the page asked for, since it was opened."""
    messages = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]


def complaints(driver):
    """What stands in the console, but for advice on reading a canvas often, which tests do and the page does not."""
    return [entry["message"] for entry in driver.get_log("browser") if "willreadfrequently" not in _letters(entry)]


def _letters(entry):
    return "".join(filter(str.isalpha, entry["message"])).lower()
