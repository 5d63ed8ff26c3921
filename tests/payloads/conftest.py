"""What the payloads' sources make, built once for all tests of this directory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests import needs
from tests.payloads.targetdir import Runner, native

Make = Callable[[str, str], Path]
NEEDED = {"hosted": "gcc", "asan": "gcc", "linux32": "gcc -m32"}


@pytest.fixture(scope="session")
def make(root: Path, cc: str, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """`make("linux32", "DEPLOY98")` is that program for that machine: `hosted` is this one."""
    out = tmp_path_factory.mktemp("payloads")

    @cache
    def build(flavour: str, name: str) -> Path:
        needs.require(NEEDED[flavour])
        program = out / flavour / name
        words = ["-s", "-C", str(root / "payloads"), f"OUT={out}", f"PYTHON={sys.executable}"]
        subprocess.run(["make", *words, str(program)], check=True, timeout=300)
        return program

    return build


@pytest.fixture(scope="session")
def hosted(make: Make) -> Runner:
    """The hosted helper, which knows faults."""
    return native(make("hosted", "DEPLOY98"))


@pytest.fixture(scope="session", params=["hosted", "linux32"])
def either(make: Make, request: pytest.FixtureRequest) -> Runner:
    """The hosted helper, and the freestanding one as a Linux i386 program."""
    return native(make(request.param, "DEPLOY98"))
