"""The page in a real browser: dragged, slid, drawn in, taken along, and heard."""

import contextlib
import json
import re

import browser as driven
import numpy as np
import pytest

import homotopy as hm
from homotopy.explorer._explore import explored_of
from homotopy.explorer.examples import line_deletion

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

ALERT = "[role=alert]"
WALK = """function* all(root) { for (const e of root.querySelectorAll("*")) {
  yield e; if (e.shadowRoot) yield* all(e.shadowRoot); } }"""


@pytest.fixture(scope="module")
def server():
    driven.require_browser()
    with driven.served() as (address, _):
        yield address


@pytest.fixture(scope="module")
def context(server):
    with driven.browser() as opened:
        yield opened


@pytest.fixture
def page(server, context):
    """Whose console is to stay quiet, and which asks nobody else."""
    watched = driven.Watched(context.new_page()).open(server)
    yield watched
    assert watched.troubles == []
    assert watched.strange == []
    watched.page.close()


def cost_of(theta0, schedule):
    """ℰ by the verb, of the example's deletion from another θ₀."""
    deletion, _ = line_deletion()
    again = hm.Deletion(deletion.problem, theta0, deletion.start, deletion.horizon)
    return float(again.cost(schedule))


def query(page):
    found = re.findall(r"[?&]([^=&]+)=([^&]*)", page.page.url)
    return {name: value.replace("%2C", ",") for name, value in found}


def until_query(page, name):
    page.page.wait_for_function("(name) => location.search.includes(name + '=')", arg=name)
    return query(page)


# From each move of the pointer to the frame in which all three figures were painted with it.
WATCH = """() => {
  const path = Bokeh.documents[0].get_model_by_name("path"), views = [], due = new Set();
  const walk = (view) => {
    if (["portrait", "switching", "error"].includes(view.model.name)) views.push(view);
    for (const child of view.child_views ?? []) walk(child);
  };
  for (const root of Object.values(Bokeh.index)) walk(root);
  let moved = null, shown = [];
  window.waits = [];
  document.addEventListener("pointermove", (event) => { moved = event.timeStamp; }, true);
  path.change.connect(() => {
    if (moved === null) return;
    shown.push(moved);
    moved = null;
    for (const view of views) due.add(view);
  });
  for (const view of views) {
    const paint = view._actual_paint.bind(view);
    view._actual_paint = () => {
      paint();
      due.delete(view);
      if (due.size > 0 || shown.length === 0) return;
      const began = shown, { port1, port2 } = new MessageChannel();
      shown = [];
      // Runs when the frame is done.
      port1.onmessage = () => window.waits.push(...began.map((one) => performance.now() - one));
      port2.postMessage(null);
    };
  }
}"""
# What is drawn, as the page has it.
DRAWN = """() => {
  const model = (name) => Bokeh.documents[0].get_model_by_name(name).data;
  const path = model("path"), phi = model("switching function"), costs = model("costs");
  const list = (column) => Array.from(column);
  return {x: list(path.x1), y: list(path.y1), phi: list(phi.y), up: list(phi.up),
    cost: list(costs.cost)};
}"""


def test_dragging_theta0_moves_everything(page, record_property):
    before = page.cost()
    x, y = page.handle()
    begin = page.place("portrait", x, y)
    page.page.evaluate(WATCH)
    context = page.page.context.new_cdp_session(page.page)
    context.send("Performance.enable", {"timeDomain": "threadTicks"})

    def processor():
        metrics = context.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in metrics}["TaskDuration"]

    used, mouse, steps = -processor(), page.page.mouse, 40
    mouse.move(*begin)
    mouse.down()
    for step in range(1, steps + 1):
        mouse.move(begin[0] + 90 * step / steps, begin[1] + 60 * step / steps)
        page.page.wait_for_timeout(16)
    used += processor()
    # Still held: the page follows by itself, with the numbers of the verbs.
    page.page.wait_for_timeout(200)
    held, drawn = page.handle(), page.page.evaluate(DRAWN)
    assert "theta0" not in query(page)
    explored = explored_of(line_deletion()[0])
    state = explored.initial.but(theta0=tuple(held))
    schedule = hm.Step(0.09)
    picture = explored.picture(state, schedule)
    np.testing.assert_allclose(np.transpose([drawn["x"], drawn["y"]]), picture.path[1:], atol=1e-12)
    np.testing.assert_allclose(drawn["phi"], picture.switching, atol=1e-11)
    assert drawn["up"] == np.maximum(drawn["phi"], 0.0).tolist()
    others = list(picture.compared.values())
    np.testing.assert_allclose(drawn["cost"], [picture.cost, *others], rtol=1e-9)
    assert float(page.cost()) == pytest.approx(cost_of(held, schedule), rel=6e-3)
    mouse.up()
    assert page.until_other(before) == page.cost()
    theta0 = [float(part) for part in until_query(page, "theta0")["theta0"].split(",")]
    assert theta0 == pytest.approx(page.handle()) and theta0[0] > x and theta0[1] < y
    page.page.wait_for_timeout(300)
    assert float(page.cost()) == pytest.approx(cost_of(theta0, schedule), rel=6e-3)
    waits = np.array(page.page.evaluate("window.waits"))
    assert len(waits) >= 8  # pictures, while the pointer was on its way
    each = 1e3 * used / len(waits)
    record_property("median of a drag in ms", float(np.median(waits)))
    print(f"pointer to painted frame: median {np.median(waits):.0f} ms, 95 % within "
          f"{np.quantile(waits, 0.95):.0f} ms; {each:.1f} ms of processor a picture")  # fmt: skip


def test_a_slider_moves_by_the_keyboard_and_by_the_pointer(page):
    before = page.cost()
    handle = page.page.get_by_role("slider", name="Judged at T")
    handle.focus()
    for _ in range(5):
        page.page.keyboard.press("ArrowRight")
    after = page.until_other(before)
    horizon = float(until_query(page, "horizon")["horizon"])
    assert horizon > 0.3 and float(after) < float(before)
    box = page.page.get_by_role("slider", name="Deleted by").bounding_box()
    start = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.drag(start, (start[0] + 40, start[1]))
    page.until_other(after)
    assert float(until_query(page, "switch")["switch"]) > 0.1


def test_a_schedule_is_drawn(page):
    before = page.cost()
    page.drag(page.place("schedule", 0.03, 0.95), page.place("schedule", 0.29, 0.1), steps=25)
    page.until_other(before)
    found = until_query(page, "drawn")
    drawn = [float(part) for part in found["drawn"].split(",")]
    assert found["family"] == "drawn" and len(drawn) == 24
    inner = drawn[2:-2]
    assert inner == sorted(inner, reverse=True) and inner[0] > 0.75 > 0.3 > inner[-1]
    edges = np.linspace(0.02, 0.3, 25)
    cost = cost_of([0.0, 2.0], hm.PiecewiseConstant(edges, [1.0, *drawn, 0.0]))
    page.page.wait_for_timeout(300)
    assert float(page.cost()) == pytest.approx(cost, rel=6e-3)


def test_a_click_on_a_point_forgets_it(page):
    before = page.cost()
    where = page.page.evaluate(
        """() => { const data = Bokeh.documents[0].get_model_by_name("rows").data;
          let best = 0; for (let i = 0; i < data.row.length; i++)
            if (data.row[i] !== 19 && data.leverage[i] > data.leverage[best]) best = i;
          return [data.row[best], data.leverage[best], data.change[best]]; }"""
    )
    page.page.locator("canvas").last.scroll_into_view_if_needed()
    page.page.mouse.click(*page.place("points", where[1], where[2]))
    page.until_other(before)
    assert until_query(page, "deleted")["deleted"] == str(where[0])


def test_the_map_tells_the_best_schedule_under_the_pointer(page):
    page.page.get_by_label("synthesis map").check()
    page.page.get_by_text("Point at a θ₀").wait_for(timeout=120_000)
    x, y = page.place("portrait", 0.1, 2.0)
    page.page.mouse.move(x - 3, y)
    page.page.wait_for_timeout(200)
    page.page.mouse.move(x, y)
    told = page.page.get_by_text("From θ₀ at")
    told.wait_for(timeout=60_000)
    # From (0, 2) it is best to wait (theory §4); from next to it too.
    assert "1→0" in told.inner_text()


def test_what_is_taken_along(page, tmp_path):
    saved = {}
    for kind, label in (
        ("json", "numbers (JSON)"), ("py", "Python lines"), ("png", "picture (PNG)"),
        ("svg", "picture (SVG)"), ("pdf", "picture (PDF)"),
    ):  # fmt: skip
        with page.page.expect_download(timeout=60_000) as waiting:
            page.page.get_by_text(f"Save {label}").click()
        assert waiting.value.suggested_filename == f"explorer.{kind}"
        waiting.value.save_as(tmp_path / f"explorer.{kind}")
        saved[kind] = (tmp_path / f"explorer.{kind}").read_bytes()
    numbers = json.loads(saved["json"])
    assert float(page.cost()) == pytest.approx(numbers["picture"]["cost"], rel=6e-3)
    left = {}
    exec(compile(saved["py"].decode(), "explorer.py", "exec"), left)
    assert left["cost"] == pytest.approx(numbers["picture"]["cost"], rel=1e-10)
    for kind, begins in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        assert saved[kind].startswith(begins)


def test_an_address_shows_the_state_again(server, page):
    page.open(f"{server}?theta0=1,-1&family=ramp&switch=0.2&epsilon=0.25")
    cost = cost_of([1.0, -1.0], hm.Ramp(0.02, 0.2))
    assert float(page.cost()) == pytest.approx(cost, rel=6e-3)
    assert page.handle() == [1.0, -1.0]


def test_an_address_that_means_nothing_is_said_and_the_page_stands(server, page):
    page.open(f"{server}?theta0=1,2,3")
    alert = page.page.locator(ALERT)
    assert "theta0: expected 2 numbers, got 3" in alert.inner_text()
    assert page.handle() == [0.0, 2.0]


def test_a_row_that_there_is_not_is_said_and_the_page_stays(page):
    field = page.page.get_by_label("Forgotten rows (numbers or names)")
    field.fill("77")
    field.press("Enter")
    alert = page.page.locator(ALERT)
    alert.wait_for()
    assert "rows from 0 to 19, got 77" in alert.inner_text()
    before = page.cost()
    field.fill("3")
    field.press("Enter")
    page.until_other(before)
    assert until_query(page, "deleted")["deleted"] == "3"
    assert alert.count() == 0


def test_everything_is_reached_by_keyboard_alone(page):
    """Tab from field to field: each has a name, and the last ones are the buttons."""
    named = f"""() => {{ {WALK}
      let active = document.activeElement;
      while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
      if (!active) return "";
      const label = active.labels?.[0]?.textContent ?? active.closest("label")?.textContent;
      return (active.getAttribute("aria-label") ?? label ?? active.textContent ?? "").trim(); }}"""
    reached = []
    for _ in range(60):
        page.page.keyboard.press("Tab")
        name = page.page.evaluate(named)
        if name.startswith("Back to the beginning"):
            break
        reached.append(name)
    joined = "\n".join(reached)
    for wanted in (
        *("Schedule", "Request s", "Deleted by", "Judged at T", "Forgotten rows", "Ridge"),
        *("θ₀, horizontal", "θ₀, vertical", "Constant weight", "field of ε = 1", "Horizontal axis"),
        *("Save picture (PNG)", "Save Python lines"),
    ):
        assert wanted in joined, (wanted, reached)
    before = page.cost()
    page.page.get_by_label("Schedule ε(t)").focus()
    page.page.keyboard.press("d")  # drawn by hand
    page.page.get_by_role("slider", name="Its weight").wait_for()
    page.page.get_by_role("slider", name="Its weight").focus()
    page.page.keyboard.press("ArrowLeft")
    page.until_other(before)
    field = page.page.get_by_label("θ₀, vertical")
    field.fill("1")
    field.press("Enter")
    page.page.wait_for_function(f"() => ({driven.HANDLE})()[1] === 1")


def test_names_for_assistive_technology(page):
    page.page.wait_for_timeout(1700)
    nameless = page.page.evaluate(
        f"""() => {{ {WALK}
          const found = [];
          for (const e of all(document)) {{
            if (!e.checkVisibility?.()) continue;
            const wants = e.matches("input, select, button, textarea, [role=slider]");
            const label = e.labels?.[0]?.textContent ?? e.closest?.("label")?.textContent;
            const name = e.getAttribute("aria-label") ?? label ?? e.getAttribute("title")
              ?? e.textContent;
            if (wants && !(name ?? "").trim()) found.push(e.outerHTML.slice(0, 120));
          }}
          return found; }}"""
    )
    assert nameless == []
    names = [image.get_attribute("aria-label") for image in page.page.get_by_role("img").all()]
    assert len([name for name in names if name]) >= 5
    assert page.page.evaluate("document.documentElement.lang") == "en"
    assert "error left at T" in page.page.get_by_role("status").first.inner_text()
    assert page.page.get_by_role("heading", level=1).count() == 1


def test_text_stands_out_from_its_paper(page):
    """4.5 to 1 at least, as WCAG 2 asks of text (AA)."""
    pale = page.page.evaluate(
        f"""() => {{ {WALK}
          const number = (c) => {{
            const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
              .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; }};
          const paper = (e) => {{
            for (let at = e; at; at = at.parentElement ?? at.getRootNode()?.host) {{
              const c = getComputedStyle(at).backgroundColor;
              if (!/, 0\\)$/.test(c) && c !== "transparent") return c;
            }}
            return "rgb(255, 255, 255)"; }};
          const found = [];
          for (const e of all(document)) {{
            const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
            if (!own || e.matches("style, script") || !e.checkVisibility?.()) continue;
            const [a, b] = [number(getComputedStyle(e).color), number(paper(e))];
            const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (contrast < 4.5) found.push([contrast, e.textContent.trim().slice(0, 40)]);
          }}
          return found; }}"""
    )
    assert pale == []


def test_a_narrow_window_has_no_sideways_scrolling(server, context):
    watched = driven.Watched(context.new_page())
    watched.page.set_viewport_size({"width": 390, "height": 840})
    watched.open(server)
    watched.page.wait_for_timeout(1500)
    wide = watched.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 1
    x, y = watched.handle()
    watched.page.locator("canvas").first.scroll_into_view_if_needed()
    begin, before = watched.place("portrait", x, y), watched.cost()
    watched.drag(begin, (begin[0] + 30, begin[1] + 30))
    watched.until_other(before)
    assert watched.troubles == [] and watched.strange == []
    watched.page.close()


def test_a_server_that_ends_is_said(context):
    with driven.served() as (address, process):
        watched = driven.Watched(context.new_page()).open(address)
        process.kill()
        note = watched.page.get_by_text("The server has ended")
        note.wait_for(timeout=30_000)
        with contextlib.suppress(Exception):
            watched.page.close()
