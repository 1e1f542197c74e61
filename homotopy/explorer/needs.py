"""Panel and Bokeh, imported when an explorer is asked for."""

from __future__ import annotations

import importlib


def require_panel() -> None:
    """Refuse, with the remedy, where Panel or Bokeh is missing.

    Raises
    ------
    ImportError
        Naming what is missing.
    """
    for name in ("panel", "bokeh"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ImportError(
                f"explore: {name} is missing ({error}); pip install 'homotopy[explorer]'."
            ) from error
