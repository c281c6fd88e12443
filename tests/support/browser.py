"""A report opened from disk in headless Chromium, with everything it asked for and complained about.

with chromium() as browser, opened(browser, file) as report:
    report.act("select", "model.shop.orders")
    assert report.state["selected"] == "model.shop.orders"
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


def executable() -> str | None:
    """The Chromium of this machine, if it has one; nothing is downloaded."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def missing() -> str:
    """Why no browser can be started here, and what to do; "" when one can, or when nothing may be missing."""
    if os.environ.get("SQLORCH_TEST_NOTHING_MISSING"):
        return ""
    try:
        import playwright.sync_api  # noqa: F401, PLC0415 - is it there?
    except ImportError:
        return "needs playwright: uv sync --group dev"
    return "" if executable() else "needs Chromium: apt-get install chromium"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a GPU and without a network of its own."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - tests that need no browser run without it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Report:
    """A page, what it requested besides itself, and what it wrote to the console."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def state(self) -> dict[str, Any]:
        """What the page says of itself."""
        found: dict[str, Any] = self.page.evaluate("window.sqlorch.state()")
        return found

    def act(self, name: str, *arguments: object) -> Any:
        """Do one of the page's acts, as a click or a key would."""
        return self.page.evaluate("([name, args]) => window.sqlorch.act[name](...args)", [name, arguments])

    def until(self, condition: str, *, seconds: float = 30.0) -> None:
        """Wait until a JavaScript expression holds.

        Playwright's own wait evaluates a string inside the page, which the page's Content Security Policy
        refuses whenever the condition does not hold at once.
        """
        deadline = time.monotonic() + seconds
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"{condition} did not come true in {seconds} s"
            self.page.wait_for_timeout(20)

    def click(self, node: str, column: str | None = None, *, times: int = 1) -> None:
        """Click a card of the drawing, or a column of an open card, where it is."""
        self.page.mouse.move(0, 0)
        at = self.page.evaluate("([id, column]) => window.sqlorch.locate(id, column)", [node, column])
        assert at, f"{node} is not drawn"
        self.page.mouse.click(at["x"], at["y"], click_count=times)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)


class ShowReport(Protocol):
    """Opens the report of that name; more arguments describe the window, the colours, the address."""

    def __call__(self, name: str, **context: Any) -> Report: ...


@contextmanager
def opened(browser: Browser, file: Path, *, address: str = "", **context: Any) -> Iterator[Report]:
    """The report, once columns and SQL are read too."""
    place = browser.new_context(**{"viewport": WIDE, "accept_downloads": True, **context})
    report = Report(place.new_page())
    url = file.as_uri()
    report.page.on("request", lambda r: None if r.url.split("#")[0] == url else report.requests.append(r.url))
    report.page.on("console", lambda message: report.complaints.append(f"{message.type}: {message.text}"))
    report.page.on("pageerror", lambda error: report.complaints.append(str(error)))
    report.page.on("dialog", lambda dialog: report.complaints.append(f"dialog: {dialog.message}"))
    report.page.goto(url + address)
    report.page.evaluate("window.sqlorch.complete")
    yield report
    place.close()
