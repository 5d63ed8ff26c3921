"""What root's daemon recorded stays to be seen, or it is said where it is, when it has ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.edge.store import Store
from deployer.events import DeploymentStaged
from deployer.host import past
from deployer.host.past import Elsewhere

ROOT = Path(__file__).resolve().parents[2]


def store(directory: Path, at: int) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    Store(directory).close()
    os.utime(directory / "deployer.sqlite3", ns=(at, at))
    return directory


@pytest.mark.parametrize("place", ["system", "system/served", "own/served"])
def test_a_store_of_roots_daemon_that_is_newer_is_found(tmp_path: Path, place: str) -> None:
    own = store(tmp_path / "own", 1000)
    other = store(tmp_path / place, 2000)
    assert past.elsewhere(own, tmp_path / "system") == Elsewhere(other, readable=True)


def test_one_that_is_older_is_not(tmp_path: Path) -> None:
    own = store(tmp_path / "own", 2000)
    store(tmp_path / "system", 1000)
    assert past.elsewhere(own, tmp_path / "system") is None
    assert past.elsewhere(tmp_path / "system", tmp_path / "system") is None
    assert past.elsewhere(tmp_path / "nowhere", tmp_path / "nothing") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to look as another user")
def test_one_that_this_user_may_not_look_into_is_said_where_it_is(tmp_path: Path) -> None:
    system = store(tmp_path / "system", 1000)
    system.chmod(0o700)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    code = (
        "import os, sys; from pathlib import Path; from deployer.host import past\n"
        "os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
        "found = past.elsewhere(Path(sys.argv[1]) / 'own', Path(sys.argv[1]) / 'system')\n"
        "print(found.directory, found.readable)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout == f"{system} False\n", done.stderr


def test_history_shows_it_where_there_is_nothing_else(tmp_path: Path) -> None:
    """With DEPLOYER_STATE_DIR and --state-dir one place is meant; so this asks by the setting."""
    (tmp_path / "deployer.toml").write_text(f'state_dir = "{tmp_path / "own"}"\n')
    served = store(tmp_path / "own" / "served", 1000)
    with contextlib.closing(Store(served)) as kept:
        kept.append(DeploymentStaged(1.0, "D0000001", "sim", "192.168.1.1", "C:\\DEPLOY", (), 0))
    os.utime(served / "deployer.sqlite3", ns=(1 << 62, 1 << 62))
    done = subprocess.run(
        [sys.executable, "-m", "deployer", "history"], cwd=tmp_path, capture_output=True,
        text=True, check=False, timeout=60,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("DEPLOYER_")},
            "PYTHONPATH": str(ROOT), "DEPLOYER_SOCKET": str(tmp_path / "none.sock"),
        },
    )  # fmt: skip
    assert f"This is what root's daemon recorded, in {tmp_path / 'own' / 'served'}." in done.stderr
    assert "D0000001" in done.stdout
