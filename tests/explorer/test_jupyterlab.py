"""A real JupyterLab in a real browser: a notebook run from its menu, and the explorer in a cell."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import browser as driven
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

NOTEBOOK = driven.ROOT / "notebooks" / "01_forgetting_one_point_in_linear_regression.py"
EXPLORER = """\
import homotopy as hm
hm.enable_x64()
problem = hm.LinearRegression([[1, 0], [1, 1], [1, 2], [1, 4]], [0, 1, 3, 2], deleted=1)
# %%
hm.explore(hm.Deletion(problem, [0.5, 2.0], 0.05, 1.0))
"""
# How far the notebook has come: what ran, what is running, what failed.
STATE = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  if (!panel?.sessionContext?.session?.kernel || !panel.content?.model) return null;
  const cells = Array.from(panel.content.model.cells).filter((cell) => cell.type === "code");
  const outputs = cells.flatMap((cell) => cell.outputs.toJSON());
  return {
    kernel: panel.sessionContext.session.kernel.status,
    count: cells.length,
    ran: cells.filter((cell) => cell.executionCount !== null).length,
    failed: outputs.filter((output) => output.output_type === "error")
      .map((output) => `${output.ename}: ${output.evalue}`),
    kinds: outputs.flatMap((output) => Object.keys(output.data ?? {})),
  };
}"""
FIELD = """() => {
  const model = Bokeh.documents.flatMap((one) => Array.from(one._all_models.values()))
    .find((one) => one.title === "θ₀, horizontal");
  return model.value;
}"""


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    """The address of a JupyterLab whose folder holds both notebooks."""
    pytest.importorskip("jupyterlab", reason="pip install 'homotopy[notebooks]'")
    jupytext = pytest.importorskip("jupytext", reason="pip install 'homotopy[notebooks]'")
    driven.require_browser()
    folder, own = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter")
    jupytext.write(jupytext.read(NOTEBOOK), folder / "story.ipynb")
    explorer = jupytext.reads(EXPLORER, fmt="py:percent")
    explorer.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
    jupytext.write(explorer, folder / "explorer.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # What tests ask of Matplotlib and XLA a reader does not.
    kept = {name: os.environ[name] for name in os.environ.keys() - {"MPLBACKEND", "XLA_FLAGS"}}
    environment = {
        **kept, "PYTHONPATH": str(driven.ROOT),
        "JUPYTER_CONFIG_DIR": str(own / "config"), "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
    }  # fmt: skip
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"),
        *("--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--notebook-dir={folder}"),
        *("--LabApp.expose_app_in_browser=True", "--LabApp.news_url="),
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        address = f"http://127.0.0.1:{port}/lab"
        try:
            for _ in range(240):
                with contextlib.suppress(OSError), urllib.request.urlopen(address):
                    break
                if process.poll() is not None:
                    break
                time.sleep(0.5)
            if process.poll() is not None:
                said.seek(0)
                raise AssertionError(said.read())
            yield address
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()


def run_all(page, laboratory, name):
    """Run > Run All Cells, from a fresh kernel; what the notebook came to, and in what time."""
    page.goto(f"{laboratory}/tree/{name}.ipynb?reset", timeout=120_000)
    page.wait_for_function(f"() => ({STATE})()?.kernel === 'idle'", timeout=180_000)
    began = time.perf_counter()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(
        f"""() => {{ const state = ({STATE})();
          return state.failed.length > 0
            || (state.ran === state.count && state.kernel === "idle"); }}""",
        timeout=500_000,
    )
    return page.evaluate(STATE), time.perf_counter() - began


def test_a_notebook_runs_from_the_menu(laboratory):
    with driven.browser() as context:
        state, seconds = run_all(context.new_page(), laboratory, "story")
    assert state["failed"] == [] and state["count"] > 5
    assert "image/png" in state["kinds"]
    print(f"notebook 01 in JupyterLab: {seconds:.0f} s by the clock, {state['count']} cells")


def test_the_explorer_answers_in_a_cell(laboratory):
    with driven.browser(height=1400) as context:
        page = context.new_page()
        watched = driven.Watched(page)
        state, _ = run_all(page, laboratory, "explorer")
        assert state["failed"] == []
        page.locator("tr.own td").first.wait_for(timeout=60_000)
        page.wait_for_function("() => window.Bokeh?.documents?.length > 0")
        page.locator("canvas").first.scroll_into_view_if_needed()
        page.wait_for_timeout(1000)
        before, (x, y) = watched.cost(), watched.handle()
        begin = watched.place("portrait", x, y)
        watched.drag(begin, (begin[0] + 60, begin[1] + 40))
        # The page itself follows; the field beside is written by Python, by way of the kernel.
        page.wait_for_function(f"(x) => Math.abs(({FIELD})() - x) > 1e-3", arg=x, timeout=60_000)
        assert page.evaluate(FIELD) == pytest.approx(watched.handle()[0], abs=1e-5)
        assert watched.cost() != before
        # Panel asks its own site for style sheets again when a pane changes, and does without.
        assert [one for one in watched.strange if not one.split("?")[0].endswith(".css")] == []
