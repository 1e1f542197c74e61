"""Several readers of one address, without a browser: each moves a slider and waits for its picture.

`python readers.py ADDRESS COUNT ROUNDS` prints a line when all are there, waits for one on its
input, and then the seconds that each answer took, and that it stays until its input ends.
"""

import sys
import time

import panel.models
import panel.models.layout  # noqa: F401
from bokeh.client import pull_session
from bokeh.document.events import MessageSentEvent
from bokeh.events import DocumentReady


class Reader:
    """A session, as a page has one: its widgets and sources, and messages both ways."""

    def __init__(self, address):
        self.session = pull_session(url=address)
        document = self.session.document
        # As a browser says when the page stands.
        ready = MessageSentEvent(document, "bokeh_event", DocumentReady())
        document.callbacks.trigger_on_change(ready)
        self._until(lambda: document.get_model_by_name("errors") is not None)
        self._drawn = document.get_model_by_name("errors")
        titles = {"Judged at T", "<b>Judged at T</b>"}
        self._slider = next(
            model for model in document.models if getattr(model, "title", None) in titles
        )

    def _until(self, what):
        """Take messages, as a page does, until something is so."""
        self.session._connection._loop_until(what)

    def move(self) -> float:
        """Seconds from a slider's new place until all that is drawn has it."""
        began, before = time.perf_counter(), self._latest()
        after = before + 3 * self._slider.step
        self._slider.value = after
        self._until(lambda: self._latest() != before)
        return time.perf_counter() - began

    def _latest(self):
        return float(self._drawn.data["t"][-1])


def main():
    address, count, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    readers = [Reader(address) for _ in range(count)]
    print("there", flush=True)
    sys.stdin.readline()
    waits = [reader.move() for _ in range(rounds) for reader in readers]
    print(*waits, flush=True)
    sys.stdin.readline()
    for reader in readers:
        reader.session.close()


main()
