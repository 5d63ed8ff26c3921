"""What the payloads' sources make, built once for all tests of this directory."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.payloads.targetdir import Runner, native

Build = Callable[..., Path]


@pytest.fixture(scope="session")
def make(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """`make(*targets)` builds them, and is the directory that has them."""
    out = tmp_path_factory.mktemp("payloads")

    def build(*targets: str) -> Path:
        command = ["make", "-s", "-C", str(root / "payloads"), f"OUT={out}"]
        subprocess.run([*command, *(f"{out}/{one}" for one in targets)], check=True, timeout=300)
        return out

    return build


@pytest.fixture(scope="session")
def helper_hosted(cc: str, make: Build) -> Path:
    """The helper as a program of this machine."""
    return make("hosted/DEPLOY98") / "hosted" / "DEPLOY98"


@pytest.fixture(scope="session")
def helper_linux32(cc32: str, make: Build) -> Path:
    """The helper as a freestanding Linux i386 program."""
    return make("linux32/DEPLOY98") / "linux32" / "DEPLOY98"


@pytest.fixture(scope="session")
def hosted(helper_hosted: Path) -> Runner:
    """The hosted helper, which knows faults."""
    return native(helper_hosted)


@pytest.fixture(scope="session", params=["hosted", "linux32"])
def either(cc: str, request: pytest.FixtureRequest) -> Runner:
    """The hosted helper, and the freestanding one as a Linux i386 program."""
    return native(request.getfixturevalue(f"helper_{request.param}"))
