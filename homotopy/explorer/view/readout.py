"""The numbers in words and a table: what is read aloud where a picture is not seen."""

from __future__ import annotations

import html
import math

from homotopy.explorer.explored import Found
from homotopy.explorer.picture import Picture
from homotopy.explorer.state import FAMILIES, State
from homotopy.explorer.view import colours

OWN = "this schedule"
STYLE = (
    "<style>table{border-collapse:collapse;width:100%;font-size:15px}"
    "caption{text-align:left;font-weight:600;padding:2px 0}"
    "th{text-align:left;font-weight:400}td{text-align:right;font-variant-numeric:tabular-nums}"
    f"th,td{{padding:2px 6px;border-bottom:1px solid #e3e3e3;color:{colours.INK}}}"
    "tr.own th,tr.own td{font-weight:700}p{margin:4px 0;color:" + colours.INK + "}</style>"
)


def table(state: State, picture: Picture, found: Found | None, searching: str) -> str:
    """ℰ of the schedule beside others, as HTML."""
    rows = [(OWN, f"{OWN} ({FAMILIES[state.family]})", picture.cost)]
    rows += [(name, name, cost) for name, cost in picture.compared.items()]
    if found is not None and found.lower_bound > 0:
        rows.append(("bound", "no schedule is below", found.lower_bound))
    base = picture.compared.get("delete at once", math.nan)
    # `follow.js` finds the rows by their names while θ₀ is dragged.
    body = "".join(
        f"<tr data-of='{html.escape(key)}'{' class=own' if key == OWN else ''}>"
        f"<th scope=row>{html.escape(name)}</th>"
        f"<td>{_number(cost)}</td><td>{_ratio(cost, base)}</td></tr>"
        for key, name, cost in rows
    )
    words = "" if found is None else f"<p>{html.escape(found.words)}</p>"
    if searching:
        words = f"<p><em>{html.escape(searching)}</em></p>"
    return (
        f"{STYLE}<table><caption>ℰ = ½‖θ(T) − θ*₋‖², the error left at T</caption>"
        "<tr><th scope=col>schedule</th><td>ℰ</td><td>/ at once</td></tr>"
        f"{body}</table>{words}"
    )


def legend(found) -> str:
    """The structures of a synthesis map beside their colours, as HTML."""
    from homotopy.explorer.synthesis import KEYS, STRUCTURES

    used = sorted(set(found.structure.ravel().tolist()))
    return " ".join(
        f"<span style='white-space:nowrap'><span style='display:inline-block;width:13px;"
        f"height:13px;border:1px solid {colours.GREY};background:{colours.STRUCTURES[place]}73'>"
        f"</span> {html.escape(STRUCTURES[KEYS[place]])};</span>"
        for place in used
    )


def spoken(state: State, picture: Picture) -> str:
    """One sentence for those who hear the page."""
    return (
        f"{FAMILIES[state.family]}: the error left at T = {state.horizon:g} is "
        f"{_number(picture.cost)}; deleting at once leaves "
        f"{_number(picture.compared['delete at once'])}."
    )


def _number(value: float) -> str:
    return f"{value:.3g}" if value == 0 or abs(value) >= 1e-3 else f"{value:.2e}"


def _ratio(cost: float, base: float) -> str:
    if not base > 0:
        return "—"
    ratio = cost / base
    return f"{ratio:.3g}" if ratio >= 1e-3 else f"{ratio:.1e}"
