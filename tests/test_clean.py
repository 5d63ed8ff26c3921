"""`deployer clean` whole, on the simulated PC: what pushes have left goes, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.core.lint import check
from deployer.core.media import fat12
from deployer.core.target import gobat, manifest
from deployer.edge.store import Store
from deployer.errors import EXIT_USE
from deployer.events import DeploymentStaged, FileStaged, StateChanged
from deployer.model import Manifest, Payload, State

GAME = "C:\\GAME"


class Cleaned:
    """A simulated PC that gets pushes, and then is cleaned."""

    def __init__(self, where: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.where = where
        self.disk = where / "state" / "sim-pc"
        self._capsys = capsys

    def push(self, to: str, **files: str) -> None:
        source = self.where / "source" / to.rpartition("\\")[2]
        for name, text in files.items():
            path = source / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.call("push", "--target", "sim", source, "--to", to, "--no-run")

    def call(self, *words: object, code: int = 0) -> tuple[str, str]:
        given = [*map(str, words), "--state-dir", str(self.where / "state")]
        assert run(given) == code
        out, err = self._capsys.readouterr()
        return out, err

    def files(self) -> set[str]:
        return {
            path.relative_to(self.disk).as_posix()
            for path in self.disk.rglob("*")
            if "WINDOWS" not in path.parts
        }


@pytest.fixture
def pc(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cleaned:
    return Cleaned(tmp_path, capsys)


def test_what_was_brought_goes_and_what_was_changed_or_is_anothers_stays(pc: Cleaned) -> None:
    pc.push("C:\\GAME", game_exe="x", save_dat="new", data__level_1="one")
    pc.push("C:\\GAME", game_exe="y")
    (pc.disk / "GAME" / "save.dat").write_text("level 9")
    (pc.disk / "GAME" / "mine.txt").write_text("mine")
    (pc.disk / "DEPLOY" / "NOTES.TXT").write_text("mine too")
    before = pc.files()
    told, _err = pc.call("clean", "sim", "--dry-run")
    assert [line.strip() for line in told.splitlines() if line.startswith("  ")] == [
        "data/level.1", "game.exe", "save.dat",
    ]  # fmt: skip
    assert pc.files() == before, "a dry run does nothing"
    told, _err = pc.call("clean", "sim")
    assert "deleted there: data/level.1, game.exe" in told
    assert "changed there, so it stays: save.dat" in told
    left = pc.files()
    assert {name for name in left if not name.endswith(".LST")} == {
        "GAME", "GAME/save.dat", "GAME/mine.txt", "DEPLOY", "DEPLOY/NOTES.TXT",
    }  # fmt: skip
    assert (pc.disk / "GAME" / "save.dat").read_text() == "level 9"


def test_nothing_is_left_of_us_where_nothing_was_changed(pc: Cleaned) -> None:
    pc.push("C:\\UPD", a_txt="a", deeper__b_txt="b")
    pc.call("clean", "sim")
    assert pc.files() <= {"DEPLOY"}
    told, _err = pc.call("clean", "sim", "--dry-run")
    assert "knows of nothing" in told


def test_what_floppy_disks_and_pulls_have_left_goes_and_no_file_that_looks_like_it(
    pc: Cleaned,
) -> None:
    source = pc.where / "a.txt"
    source.write_text("a")
    pc.call("stage", source, "--no-run", "--floppies", "--out", pc.where / "disks")
    disk = fat12.files_of((pc.where / "disks" / "0.img").read_bytes())
    ((worker, text),) = [(name, disk[name]) for name in disk if name[0] + name[8:] == "D.BAT"]
    pc.push("C:\\GAME", b_txt="b")
    ours = pc.disk / "DEPLOY"
    (ours / worker).write_bytes(text)
    theirs = {"DATA.BAT": text, "DEADBEEF.BAT": b"@ECHO mine\r\n"}
    for name, data in theirs.items():
        (ours / name).write_bytes(data)
    pc.call("pull", "sim", "C:\\GAME\\*.*", "--out", pc.where / "out")
    known = f"DEPLOY/{manifest.list_name(GAME)}"
    assert [name for name in pc.files() if name.endswith((".ASK", ".LST"))] == [known]
    pc.call("clean", "sim")
    assert pc.files() == {"DEPLOY", *(f"DEPLOY/{name}" for name in theirs)}


LEFT = {
    "D7F3A21C.ASK": b"host=192.168.1.1\r\nlogin=D7F3A21C k3v8mq2xwp\r\nlist=8246B7D7\r\n",
    "D7F3A21C.LST": b"deployment=D7F3A21C\r\nfrom=C:\\LOGS\\*.*\r\ncodepage=1252 437\r\n",
    "D7F3A21C.TMP": b"deployment=D7F3A21C\r\nfrom=C:\\LOGS\\*.*\r\ncodepage=1252 437\r\n",
    "D7F3A21C.PAA": b"part=D7F3A21C 8246B7D7\r\nfile=1 0 9\r\n\x1a\x00\xff part=\r\n",
    "D7F3A21C.PAP": b"part=D7F3A21C 8246B7D7\r\nfile=1 0 9\r\n",
}
"""What a pull that was interrupted keeps for going on."""
THEIRS = {
    "DRAWINGS.LST": b"deployment of chairs\r\n",
    "DEADBEEF.PAL": b"\x00\x01 colours",
    "D7F3A21D.ASK": b"who\r\n",
}


def test_what_a_pull_that_nobody_finished_has_left_goes(pc: Cleaned) -> None:
    pc.push("C:\\GAME", b_txt="b")
    for name, data in (LEFT | THEIRS).items():
        (pc.disk / "DEPLOY" / name).write_bytes(data)
    pc.call("clean", "sim")
    assert pc.files() == {"DEPLOY", *(f"DEPLOY/{name}" for name in THEIRS)}


def test_an_agent_that_carries_it_out_deletes_the_rest_and_stays(pc: Cleaned) -> None:
    source = pc.where / "a.txt"
    source.write_text("a")
    pc.call("push", "--target", "sim", source, "--no-run", "--stay")
    for name, data in (LEFT | {"MINE.TXT": b"mine"}).items():
        (pc.disk / "DEPLOY" / name).write_bytes(data)
    told, _err = pc.call("clean", "sim")
    assert "The agent has deleted" in told
    assert pc.files() == {
        "DEPLOY", *(f"DEPLOY/AGENT98{n}" for n in (".EXE", ".INI", ".JRN", "W.EXE")),
        "DEPLOY/MINE.TXT",
    }  # fmt: skip


def test_of_two_folders_the_one_that_is_meant_is_to_be_named(pc: Cleaned) -> None:
    pc.push("C:\\ONE", a_txt="a")
    pc.push("C:\\TWO", b_txt="b")
    _out, err = pc.call("clean", "sim", code=EXIT_USE)
    assert "C:\\ONE, C:\\TWO" in err
    assert "--to" in err
    pc.call("clean", "sim", "--to", "C:\\ONE")
    assert "TWO/b.txt" in pc.files()
    assert "ONE" not in pc.files()


def test_a_pc_is_known_by_its_name(pc: Cleaned) -> None:
    pc.call("name", "127.0.0.2", "pentium")
    store = Store(pc.where / "state")
    file = FileStaged("A.TXT", "a.txt", 1, "0" * 64, "A.001", 1, 1)
    told = DeploymentStaged(
        1.0,
        "D7F3A21C",
        target="127.0.0.2",
        host="127.0.0.1",
        directory="C:\\ONE",
        files=(file,),
        total=1,
    )
    for event in (told, StateChanged(2.0, "D7F3A21C", State.PROVED)):
        store.append(event)
    store.close()
    assert "A.TXT" in pc.call("clean", "pentium", "--dry-run")[0]


def test_its_batch_file_deletes_itself_last_and_else_has_no_mistake() -> None:
    empty = Payload((), delete=True)
    data = gobat.render(Manifest("D7F3A21C", "192.168.1.1", "D7F3A21C", "secret99", empty), "C:\\X")
    lines = data.decode().splitlines()
    own = [n for n, line in enumerate(lines) if line.endswith("DEL C:\\DEPLOY\\GO.BAT")]
    assert [found.line - 1 for found in check.check(data, name="GO.BAT")] == own
    assert lines[own[0] + 1 : own[0] + 3] == [
        "IF NOT EXIST C:\\DEPLOY\\*.* RD C:\\DEPLOY", "GOTO END",
    ]  # fmt: skip
