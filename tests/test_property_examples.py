"""Examples of property tests are the same whatever was imported before."""

import sys
import types

import pytest

providers = pytest.importorskip(
    "hypothesis.internal.conjecture.providers", reason="another release of Hypothesis"
)


def test_numbers_of_imported_modules_are_not_among_them(monkeypatch, tmp_path):
    local = tmp_path / "local.py"
    local.write_text("NUMBER = 735193\n")
    module = types.ModuleType("local_of_this_test")
    module.__file__ = str(local)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert 735193 not in providers._get_local_constants().integers
