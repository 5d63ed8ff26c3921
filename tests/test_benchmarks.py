"""Every benchmark starts: what measures must not be found broken when a figure is wanted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
