"""`--dry-run` says what would happen, opens no socket and changes no file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer.bench.inventory import Bench
from deployer.bench.plan import plan
from deployer.edge.store import Store
from deployer.events import ClientGone
from tests.bench.conftest import WIRE

if TYPE_CHECKING:
    from tests.bench.conftest import World

_TRACED = """
import sys
seen = []
WRITING = 0x1 | 0x2 | 0x40 | 0x200 | 0x400  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod",
           "os.chown", "os.truncate", "os.utime", "shutil.", "tempfile.", "subprocess.Popen",
           "os.system", "os.fork", "os.posix_spawn", "os.exec")

def hook(event, arguments):
    if event.startswith("socket."):
        seen.append((event, repr(arguments)))
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        seen.append((event, repr(arguments)))
    elif event.startswith(CHANGES):
        seen.append((event, repr(arguments)))

sys.dont_write_bytecode = True
from deployer.__main__ import run
sys.addaudithook(hook)
code = run(sys.argv[1:])
print("TRACED", seen)
raise SystemExit(code)
"""


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }


def dry_run(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    state = str(world.folder / "state")
    command = ["provision", str(world.folder / "b.toml"), "--dry-run", "--state-dir", state, *words]
    return subprocess.run(
        [sys.executable, "-c", _TRACED, *command],
        capture_output=True, text=True, timeout=60, check=False,
        cwd=world.folder, env={"PYTHONPATH": str(Path(__file__).parents[2]), "HOME": "/none"},
    )  # fmt: skip


@pytest.fixture
def bench(world: World) -> Path:
    """A bench of two light PCs; pc01 has everything already."""
    world.payload("one")
    world.payload("two")
    path = world.folder / "b.toml"
    path.write_text(
        '[wire]\naddress = "127.0.0.1/8"\nftp_port = 0\n'
        '[payloads.one]\nfiles = ["one.bin"]\nno_run = true\npart_size = "256K"\n'
        '[payloads.two]\nfiles = ["two.bin"]\nno_run = true\n'
        '[defaults]\npayloads = ["one"]\n'
        '[targets.pc01]\naddress = "127.0.1.1"\n'
        '[targets.pc02]\naddress = "127.0.1.2"\npayloads = ["one", "two"]\n'
    )
    world.pc(1)
    assert world.run(world.target(1, world.payload("one"))).proved
    return path


def test_it_opens_no_socket_and_changes_no_file(world: World, bench: Path) -> None:
    before = snapshot(world.folder)
    done = dry_run(world)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "TRACED []"
    assert snapshot(world.folder) == before


def test_the_trace_can_see_both() -> None:
    program = _TRACED.replace(
        "code = run(sys.argv[1:])",
        "import socket; socket.socket().close(); open('/dev/null', 'w').close(); code = 0",
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert "socket.__new__" in done.stdout
    assert "/dev/null" in done.stdout


def test_it_says_what_would_be_sent_where(world: World, bench: Path) -> None:
    done = dry_run(world, "--json")
    *steps, total = [json.loads(line) for line in done.stdout.splitlines()[:-1]]
    told = [(step["target"], step["payload"], step["there"], step["parts"]) for step in steps]
    assert told == [
        ("pc01", "one", True, 2), ("pc02", "one", False, 2), ("pc02", "two", False, 1),
    ]  # fmt: skip
    assert total["total"]["bytes"] == 600_000
    forced = [
        json.loads(line) for line in dry_run(world, "--json", "--force").stdout.splitlines()[:-1]
    ]
    assert forced[-1]["total"]["bytes"] == 900_000


def test_a_file_that_is_missing_is_said_for_each_target(world: World, bench: Path) -> None:
    (world.folder / "two.bin").unlink()
    done = dry_run(world)
    assert done.returncode == 1
    assert "there is no such file." in done.stdout


def test_it_sees_what_a_running_process_has_just_written(world: World, bench: Path) -> None:
    store = Store(world.folder / "state")
    try:
        store.append(ClientGone(1.0, "", "127.0.0.1"))
        log = world.folder / "state" / "deployer.sqlite3-wal"
        assert log.stat().st_size
        before = snapshot(world.folder)
        found = plan(Bench((world.target(1, world.payload("one")),), WIRE), world.folder / "state")
        assert [step.there for step in found.steps] == [True]
        assert snapshot(world.folder) == before
    finally:
        store.close()


def test_without_a_store_everything_would_be_sent(world: World) -> None:
    bench = Bench((world.target(1),), WIRE)
    found = plan(bench, world.folder / "none")
    assert [step.there for step in found.steps] == [False]
    assert not (world.folder / "none").exists()
