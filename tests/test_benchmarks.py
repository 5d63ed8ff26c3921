"""Every benchmark starts: what measures must not be found broken when a figure is wanted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.engine import figures

ROOT = Path(__file__).resolve().parents[1]
NAMES = sorted(each.parent.name for each in (ROOT / "benchmarks").glob("*/__main__.py"))


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_started(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


def test_a_figure_may_rise_by_a_fiftieth_and_never_over_what_is_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the long measurements of the engine, whose baselines have to keep the promises, too."""
    for name, most in (("large", 75.0), ("losses", 1024.0)):
        before = json.loads(figures.path_of(name).read_text())
        assert all(0 <= value <= most for value in before.values())
    path = tmp_path / "x.json"
    monkeypatch.setattr(figures, "path_of", lambda _name: path)

    def measured(value: float, name: str = "a") -> figures.Measured:
        return figures.Measured(name, value, 12.0, "")

    figures.write("x", [measured(10.0), measured(1.0, "b")])
    assert figures.complaints("x", [measured(10.1), measured(1.0, "b")]) == []
    assert len(figures.complaints("x", [measured(10.3), measured(1.0, "b")])) == 1
    assert figures.complaints("x", [measured(10.0)]) == ["b: it was not measured"]
    figures.write("x", [measured(13.0)])
    assert "promised" in figures.complaints("x", [measured(13.0)])[0]
