"""The site: `make docs` builds it, offline, with warnings as errors."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_extensions")]

import homotopy  # noqa: E402

project = "homotopy"
author = "The homotopy authors"
copyright = author
release = version = homotopy.__version__

extensions = [
    "sphinx.ext.autodoc",
    "pages",
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "_templates", "_extensions", "conf.py"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = "homotopy"
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
# A page without pages below it has nothing to stand beside it.
html_sidebars = {name: [] for name in ("index", "start", "session", "theory", "reliance")}
html_show_sourcelink = False

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
# A link to a heading, a page or a file that is not there is a warning, and warnings are errors. A
# word in backticks that several classes have an attribute of is no link that was meant.
suppress_warnings = ["ref.python"]

nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "cache"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True

numpydoc_show_class_members = False
autosummary_generate = True
autodoc_typehints = "none"  # shapes are in the docstrings
autodoc_member_order = "bysource"
default_role = "obj"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Offline: only what the site itself promises is looked up.
linkcheck_ignore = [r"https?://.*"]
