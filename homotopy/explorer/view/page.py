"""The page of a session: where everything stands, wide and narrow."""

from __future__ import annotations

import html
from importlib.resources import files

import panel as pn
from bokeh.models import CustomJS

from homotopy.explorer.view.session import Session

_EXPORTS = {
    "png": "picture (PNG)",
    "svg": "picture (SVG)",
    "pdf": "picture (PDF)",
    "json": "numbers (JSON)",
    "py": "Python lines",
}
# Beside each other where there is room, below each other where there is not.
# Below each other the portrait comes first.
_NARROW = "@media (max-width: 760px) {{ :host {{ order: {} }} }}"
_COLUMN = {"flex": "1 1 300px", "min-width": "0", "padding": "0 10px"}


def layout(session: Session) -> pn.viewable.Viewable:
    """Controls, portrait with points, and curves."""
    controls, wide = session.controls, {"sizing_mode": "stretch_width"}
    exports = [
        pn.widgets.FileDownload(
            callback=lambda kind=kind: session.file(kind),
            filename=f"explorer.{kind}",
            label=f"Save {label}",
            embed=False,
            **wide,
        )
        for kind, label in _EXPORTS.items()
    ]
    reset = pn.widgets.Button(label="Back to the beginning", **wide)
    reset.on_click(lambda event: session.reset())
    left = pn.Column(
        _heading("How it is forgotten"),
        *(controls.family, controls.start, controls.switch, controls.horizon),
        *(controls.power, controls.cell, controls.height),
        _heading("What is forgotten"),
        *(controls.rows, controls.add, controls.ridge),
        _heading("From where, and what is shown"),
        pn.Row(controls.first, controls.second, **wide),
        *(controls.epsilon, controls.shown),
        *([] if session.explored.against_time else [controls.horizontal, controls.vertical]),
        _heading("To take along"),
        *exports,
        reset,
        styles={**_COLUMN, "flex": "1 1 250px", "max-width": "100%"},
        stylesheets=[_NARROW.format(1)],
        **wide,
    )
    middle = pn.Column(
        session.portrait.figure,
        session.under,
        session.table,
        styles={**_COLUMN, "flex": "3 1 430px"},
        **wide,
    )
    right = pn.Column(
        *(session.curves.schedule, session.curves.switching, session.curves.error),
        session.points.figure,
        styles={**_COLUMN, "flex": "2 1 340px"},
        stylesheets=[_NARROW.format(2)],
        **wide,
    )
    title = html.escape(session.explored.origin.title)
    return pn.Column(
        pn.pane.HTML(
            "<h1 style='font-size:21px;margin:6px 10px 0'>homotopy explorer: "
            f"<span style='font-weight:400'>{title}</span></h1>",
            **wide,
        ),
        session.alert,
        session.spoken,
        pn.FlexBox(left, middle, right, flex_wrap="wrap", align_items="flex-start", gap="0px",
                   **wide),
        **wide,
    )  # fmt: skip


def _heading(text: str):
    return pn.pane.HTML(
        f"<h2 style='font-size:15px;margin:8px 0 0'>{text}</h2>", sizing_mode="stretch_width"
    )


def page_script() -> CustomJS:
    """What a browser does once the page stands: names for assistive technology, a lost server."""
    source = files("homotopy.explorer.view").joinpath("page.js").read_text(encoding="utf-8")
    return CustomJS(code=source)


def lost_script() -> CustomJS:
    """What a browser says when the server is gone."""
    return CustomJS(
        code="""
        if (document.getElementById("homotopy-lost") === null) {
          const note = document.createElement("div");
          note.id = "homotopy-lost";
          note.setAttribute("role", "alert");
          note.textContent = "The server has ended: this page no longer answers. " +
            "Start homotopy explore again, and load the page anew; its address holds the state.";
          note.style.cssText = "position:fixed;left:0;right:0;top:0;z-index:9999;padding:12px;" +
            "background:#FDECEA;color:#8B0000;border-bottom:3px solid #8B0000;font:16px sans-serif";
          document.body.appendChild(note);
        }
        """
    )
