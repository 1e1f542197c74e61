"""A server in a process of its own, and a page in Debian's Chromium."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium")
# Nothing is loaded from the network, and nobody is asked whether something may be.
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
# In pixels of the page, where a point of a figure is.
PLACE = """([name, x, y]) => {
  const figure = Bokeh.documents.map((one) => one.get_model_by_name(name)).find(Boolean);
  const found = [];
  const walk = (view) => {
    found.push(view);
    for (const child of view.child_views ?? []) walk(child);
  };
  for (const root of Object.values(Bokeh.index)) walk(root);
  const view = found.find((view) => view.model === figure), box = view.el.getBoundingClientRect();
  return [box.left + view.frame.x_scale.compute(x), box.top + view.frame.y_scale.compute(y)];
}"""
HANDLE = """() => {
  const {data} = Bokeh.documents.map((one) => one.get_model_by_name("theta0")).find(Boolean);
  return [data.x[0], data.y[0]];
}"""


def require_browser():
    """Skip, with the reason, where there is none."""
    pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    if CHROMIUM is None:
        pytest.skip("no chromium on the path: apt-get install chromium")


@contextlib.contextmanager
def served(*arguments):
    """The address that `homotopy explore` prints; and its process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "homotopy.cli", "explore", "--no-browser", *arguments]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=ROOT
        )
        timer = threading.Timer(180.0, process.kill)
        timer.start()
        try:
            address = None
            for line in process.stdout:
                if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                    address = found.group()
                    break
            timer.cancel()
            if address is None:
                errors.seek(0)
                raise AssertionError(errors.read())
            yield address, process
        finally:
            timer.cancel()
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                process.kill()
            process.stdout.close()
            process.wait()


class Watched:
    """A page, and what its console and its requests said."""

    def __init__(self, page):
        self.page, self.troubles, self.strange = page, [], []
        page.on("console", self._told)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", self._asked)

    def _told(self, message):
        if message.type in ("error", "warning"):
            self.troubles.append(message.text)

    def _asked(self, request):
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            self.strange.append(request.url)

    def open(self, address):
        """Load a page and wait until its numbers are there."""
        self.page.goto(address, timeout=240_000, wait_until="commit")
        self.page.locator("tr.own td").first.wait_for(timeout=240_000)
        self.page.wait_for_function("window.homotopy_names !== undefined")
        return self

    def cost(self) -> str:
        """ℰ of the schedule, as the table has it."""
        return self.page.locator("tr.own td").first.inner_text()

    def until_other(self, cost: str) -> str:
        """Wait for another ℰ."""
        self.page.wait_for_function(
            """(before) => {
              function* all(root) { for (const e of root.querySelectorAll("*")) {
                yield e; if (e.shadowRoot) yield* all(e.shadowRoot); } }
              for (const e of all(document)) if (e.matches("tr.own td"))
                return e.textContent !== before;
              return false;
            }""",
            arg=cost,
            timeout=60_000,
        )
        return self.cost()

    def place(self, figure, x, y):
        """Pixels of a point of a figure."""
        return self.page.evaluate(PLACE, [figure, x, y])

    def handle(self):
        """θ₀, as the picture has it."""
        return self.page.evaluate(HANDLE)

    def drag(self, begin, end, steps=12, wait=60):
        """From pixels to pixels, with the button held."""
        mouse = self.page.mouse
        mouse.move(*begin)
        mouse.down()
        for step in range(1, steps + 1):
            part = step / steps
            mouse.move(*(a + part * (b - a) for a, b in zip(begin, end, strict=True)))
            self.page.wait_for_timeout(wait)
        mouse.up()


@contextlib.contextmanager
def browser(width=1400, height=1050):
    """A fresh profile of Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=ARGUMENTS,
            viewport={"width": width, "height": height},
        )
        try:
            yield context
        finally:
            context.close()
