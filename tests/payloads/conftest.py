"""The helper's builds, made once for all tests of this directory."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.payloads.targetdir import Runner, native


@pytest.fixture(scope="session")
def helper_builds(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with hosted/DEPLOY98 and linux32/DEPLOY98."""
    if not shutil.which("make") or not shutil.which("gcc"):
        pytest.skip("make and gcc are needed")
    out = tmp_path_factory.mktemp("helper98")
    targets = [f"{out}/{flavour}/DEPLOY98" for flavour in ("hosted", "linux32")]
    command = ["make", "-s", "-C", str(root / "payloads"), f"OUT={out}", *targets]
    subprocess.run(command, check=True, timeout=300)
    return out


@pytest.fixture(scope="session")
def hosted(helper_builds: Path) -> Runner:
    """The hosted helper, which knows faults."""
    return native(helper_builds / "hosted" / "DEPLOY98")


@pytest.fixture(scope="session", params=["hosted", "linux32"])
def either(helper_builds: Path, request: pytest.FixtureRequest) -> Runner:
    """The hosted helper, and the freestanding one as a Linux i386 program."""
    return native(helper_builds / request.param / "DEPLOY98")
