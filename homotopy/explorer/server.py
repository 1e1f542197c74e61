"""The explorer behind an address on this machine."""

from __future__ import annotations

import html
import logging
import threading
from collections.abc import Callable

import panel as pn
from bokeh.events import ConnectionLost, DocumentReady

from homotopy.explorer.explored import AbstractExplored
from homotopy.explorer.jobs import Jobs, WhenReady
from homotopy.explorer.view.page import layout, lost_script, page_script
from homotopy.explorer.view.session import Session

_LOG = logging.getLogger(__name__)
HOST = "127.0.0.1"


def make_page(create: Callable[[], AbstractExplored]) -> Callable:
    """What Panel calls for each reader: a page with a state of its own, that of its address.

    The first page of a process waits for compilers, and says so.
    """
    warmed = threading.Event()

    def warm(explored):
        if not warmed.is_set():
            explored.warm()
            warmed.set()

    def page():
        document, location = pn.state.curdoc, pn.state.location
        document.title = "homotopy explorer"
        document.js_on_event(DocumentReady, page_script())
        document.js_on_event(ConnectionLost, lost_script())
        whole = pn.Column(sizing_mode="stretch_width")
        query = {
            name: values[0].decode("utf-8", "replace")
            for name, values in (pn.state.session_args or {}).items()
        }
        # Waiting for compilers, and then at once.
        later = WhenReady(document.add_next_tick_callback)
        pn.state.onload(later.ready)
        jobs = Jobs(later)
        pn.state.on_session_destroyed(lambda context: jobs.close())

        def begin(explored):
            try:
                whole[:] = [_page(explored, document, location, query, later)]
            except Exception as error:
                failed(error)

        def failed(error):  # a page that says so, never a blank one
            _LOG.error("a page could not be made", exc_info=error)
            whole[:] = [pn.pane.HTML(_failed(error), sizing_mode="stretch_width")]

        try:
            explored = create()
            if warmed.is_set():
                begin(explored)
            else:
                whole.append(pn.pane.HTML(_WAITING, sizing_mode="stretch_width"))
                jobs.ask("warm", lambda: warm(explored), lambda _: begin(explored), failed)
        except Exception as error:
            failed(error)
        return whole

    return page


_WAITING = (
    "<h1 style='font-size:21px'>homotopy explorer</h1><p role=status style='font-size:16px'>"
    "Compiling what the pictures need: seconds for a linear regression; for a perceptron, the "
    "first time on a machine, up to a minute. The page comes by itself.</p>"
)


def _page(explored, document, location, query, later):
    state, trouble = explored.initial, None
    try:
        state = explored.initial.from_query(query)
        explored.check(state)
    except ValueError as error:
        state, trouble = explored.initial, error

    def moved(state):
        wanted = state.query(but=explored.initial)
        text = "?" + "&".join(f"{name}={value}" for name, value in wanted.items())
        if location is not None and location.search != text:
            location.search = text if wanted else ""

    session = Session(explored, state, document, moved, later)
    if trouble is not None:
        session.say(trouble)
    pn.state.on_session_destroyed(lambda context: session.close())
    return layout(session)


def _failed(error) -> str:
    return (
        "<h1>homotopy explorer</h1><p role=alert style='color:#8B0000;font-size:16px'>"
        f"This page could not be made: {html.escape(str(error) or type(error).__name__)}</p>"
    )


def serve(create: Callable[[], AbstractExplored], port: int = 0, show: bool = True):
    """A server on this machine only, begun; its `port` is the one that was free.

    Parameters
    ----------
    create
        Makes what a reader explores; called once for each.
    port : int
        0 for a free one.
    show : bool
        Whether a browser is opened.

    Raises
    ------
    OSError
        Where the port is taken.
    """
    pn.extension()
    server = pn.io.server.get_server(
        {"/": make_page(create)},
        port=port,
        address=HOST,
        show=show,
        start=False,
        title="homotopy explorer",
        # Sessions whose page is closed are given back soon.
        check_unused_sessions_milliseconds=2_000,
        unused_session_lifetime_milliseconds=4_000,
    )
    server.start()
    return server
