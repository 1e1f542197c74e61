"""Pictures that no test opens need no files."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure


@pytest.fixture
def pictures_without_files(monkeypatch):
    """All is computed and drawn, every text set; but not as PDF and PNG, half of a command's time.

    That files of both kinds are written, and the same bytes again, is tested where this is not
    asked for.
    """

    def drawn(figure, path, **options):
        if Path(path).suffix == ".png":
            figure.draw_without_rendering()
        Path(path).touch()

    monkeypatch.setattr(Figure, "savefig", drawn)
