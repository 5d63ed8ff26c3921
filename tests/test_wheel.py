"""The wheel carries what the target needs, and works where there is no source tree."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=root,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return next(out.glob("*.whl"))


def test_programs_configs_and_the_sample_model_are_in_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "bin/AGENT98.EXE",
        "bin/AGENT98W.EXE",
        "bin/DEPLOY98.EXE",
        "bin/GATHER98.EXE",
        "bin/LLAMA98.EXE",
        "bin/PROBE98.EXE",
        "batch-cases/call-basic/CASE.BAT",
        "batch-cases/call-basic/expected.json",
        "bin/SHA256SUMS",
        "models/campfire158/campfire158.l98",
        "recipes/llama98.toml",
        "profiles/win98-fat32.toml",
    ):
        assert f"deployer/data/{name}" in names
    assert "deployer/sim/win32/kernel32_98.txt" in names
    assert not any(name.startswith(("tests/", "payloads/")) for name in names)


def test_it_stages_the_sample_model_without_the_source_tree(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import deployer; assert deployer.__file__.startswith(sys.argv[1]), deployer.__file__\n"
        "from deployer.host import staging\n"
        "manifest = staging.stage(staging.Request((staging.sample_model(),)))\n"
        "print([file.name for file in manifest.payload.files])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "site")],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "['LLAMA98.EXE', 'CAMPF158.L98']"
