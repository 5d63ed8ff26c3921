"""Our server and pyftpdlib as it comes, side by side, with the same files."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import needs

HERE = Path(__file__).parent


def _kit():
    """The fixtures of tests/edge: the same server, the same share."""
    path = HERE.parent / "edge" / "conftest.py"
    spec = importlib.util.spec_from_file_location("deployer_ftp_kit", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


kit = _kit()
serve = kit.serve


@dataclass
class Stock:
    """pyftpdlib as it comes."""

    port: int
    files: Path

    client = kit.Served.client
    talk_class = kit.Talk


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[Stock]:
    """A running pyftpdlib with the files that the share of `serve` holds."""
    files = tmp_path / "stock"
    (files / "SUB").mkdir(parents=True)
    data = kit.pattern(300_000)
    for name, content in (
        ("GO.BAT", kit.GO),
        ("DEPLOY98.EXE", b"MZ" + kit.pattern(9000)),
        ("STORI260.001", data[:150_000]),
        ("STORI260.002", data[150_000:]),
        ("SUB/INNER.BIN", b"inner\n"),
        ("BIG.001", bytes(16 << 20)),
    ):
        (files / name).write_bytes(content)
    command = [sys.executable, str(HERE / "stock_server.py"), str(files)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield Stock(int(process.stdout.readline()), files)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def program() -> Callable[[str], str]:
    """The path of a program; the test is skipped by name when it is not installed."""

    def find(name: str) -> str:
        needs.require(name)
        return str(shutil.which(name))

    return find
