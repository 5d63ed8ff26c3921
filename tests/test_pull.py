"""`deployer pull` whole: the real DEPLOY98.EXE on the simulated PC, real sockets, real files."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.core.pull import listing
from deployer.errors import EXIT_USE, EXIT_VERIFY
from deployer.events import Event, OrderChanged, PullAdvanced, StateChanged, TransferDone, from_json
from deployer.model import Stage, State

FILES: Mapping[str, bytes] = {
    "A Long Name with blanks.txt": b"hello\r\n",
    "BIG.DAT": random.Random(1).randbytes(2_500_000),
    "EMPTY.DAT": b"",
    "Sub folder/Caf\u00e9 100%.log": b"x" * 70_000,
    "Sub folder/deeper/SAME.DAT": b"x" * 70_000,
}
SOURCE = "C:\\LOGS\\*.*"


class Machine:
    """A simulated PC's disk, and the commands on it; its state directory and its folders here."""

    def __init__(self, where: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.where = where
        self.state = where / "state"
        self.disk = self.state / "sim-pc"
        self.logs = self.disk / "LOGS"
        self._capsys = capsys
        self.words = ""

    def put(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            path = self.logs / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (1_000_000_000, 1_000_000_000))

    def call(self, *arguments: object) -> tuple[int, list[Event]]:
        state = ("--json", "--state-dir", str(self.state))
        code = run([*map(str, arguments), *state])
        out, self.words = self._capsys.readouterr()
        return code, [from_json(line) for line in out.splitlines()]

    def pull(self, *options: object, source: str = SOURCE) -> tuple[int, list[Event]]:
        return self.call("pull", "sim", source, "--out", self.where / "out", *options)


@pytest.fixture
def pc(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Machine:
    return Machine(tmp_path, capsys)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def sent(events: list[Event]) -> list[TransferDone]:
    """The parts that came over the wire."""
    return [e for e in events if isinstance(e, TransferDone) and ".PA" in e.name]


def test_a_folder_comes_whole_with_names_and_dates_and_its_sealed_list(pc: Machine) -> None:
    pc.put(FILES)
    (pc.logs / "nothing in it").mkdir()
    code, events = pc.pull()
    assert code == 0, pc.words
    out = pc.where / "out"
    assert tree(out) == dict(FILES)
    assert (out / "nothing in it").is_dir()
    for name in FILES:
        assert (out / name).stat().st_mtime == 1_000_000_000
    data = (pc.where / "out.lst").read_bytes()
    listed = listing.parse(data, listing.identity(data), SOURCE)
    assert {file.path: file.length for file in listed.files} == {
        name: len(data) for name, data in FILES.items()
    }
    *_, told, _proof, last = events
    assert isinstance(last, StateChanged)
    assert last.state == State.PROVED
    assert isinstance(told, PullAdvanced)
    assert (told.folder, told.here) == (str(out), sum(map(len, FILES.values())))
    wire = sum(one.length for one in sent(events))
    assert wire < sum(map(len, FILES.values())) - 70_000 + 4_000  # one content comes once


def test_only_what_matches_comes(pc: Machine) -> None:
    pc.put({"A.LOG": b"a", "B.LOG": b"b", "C.DAT": b"c", "SUB/D.LOG": b"d"})
    code, _events = pc.pull(source="C:\\LOGS\\*.LOG")
    assert code == 0
    assert tree(pc.where / "out") == {"A.LOG": b"a", "B.LOG": b"b"}


def test_saves_beside_the_helper_come_without_what_is_ours(pc: Machine) -> None:
    save = pc.disk / "DEPLOY" / "GAME.SAV"
    save.parent.mkdir(parents=True)
    save.write_bytes(b"level 7")
    code, _events = pc.pull(source="C:\\DEPLOY\\*.*")
    assert code == 0, pc.words
    assert tree(pc.where / "out") == {"GAME.SAV": b"level 7"}


def test_an_agent_that_stays_there_sends_it_without_a_line_typed(pc: Machine) -> None:
    source = pc.where / "DATA.TXT"
    source.write_bytes(b"data\r\n")
    assert pc.call("push", "--target", "sim", source, "--no-run", "--stay")[0] == 0, pc.words
    pc.put({"A Long Name.txt": b"hello", "BIG.DAT": FILES["BIG.DAT"], "EMPTY.DAT": b""})
    code, events = pc.pull()
    assert code == 0, pc.words
    assert tree(pc.where / "out") == {
        "A Long Name.txt": b"hello", "BIG.DAT": FILES["BIG.DAT"], "EMPTY.DAT": b"",
    }  # fmt: skip
    stages = {event.stage for event in events if isinstance(event, OrderChanged)}
    assert Stage.QUEUED in stages
    assert not stages & {Stage.REFUSED, Stage.LOST, Stage.EXPIRED}, "nobody had to type it"


@pytest.mark.parametrize(
    "fault",
    [
        "flip@33500", "flip@200000", "flip@1500000", "cut@900000", "cable@1200000", "hang@300000",
        "crlf@50000", "power@12", "power@20", "power@26", "power@33", "power@40", "off@60",
        "off@190",
    ],
)  # fmt: skip
def test_a_pull_goes_on_after_a_fault_and_only_the_damaged_part_comes_again(
    pc: Machine, fault: str
) -> None:
    pc.put(FILES)
    code, events = pc.pull("--fault", fault)
    assert code == 0, pc.words
    assert tree(pc.where / "out") == dict(FILES)
    whole = sum(one.length for one in sent(events))
    assert whole <= sum(map(len, FILES.values())) + 16 * 1_100_000


def test_a_pull_whose_host_was_killed_goes_on_where_it_was(pc: Machine) -> None:
    pc.put(FILES)
    words = ["pull", "sim", SOURCE, "--out", str(pc.where / "out"), "--json"]
    command = [sys.executable, "-m", "deployer", *words, "--state-dir", str(pc.state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as host:
        assert host.stdout is not None
        told = (from_json(line) for line in map(bytes.decode, host.stdout))
        first = next(event for event in told if sent([event]))
        os.killpg(host.pid, signal.SIGKILL)
    again, events = pc.pull()
    assert again == 0, pc.words
    assert tree(pc.where / "out") == dict(FILES)
    came = sum(one.length for one in (*sent([first]), *sent(events)))
    assert came <= sum(map(len, FILES.values())) + 1_100_000


def test_a_folder_that_holds_other_files_is_not_touched(pc: Machine) -> None:
    pc.put({"A.TXT": b"a"})
    mine = pc.where / "out" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    code, _events = pc.pull()
    assert code == EXIT_USE
    assert tree(pc.where / "out") == {"mine.txt": b"mine"}


@pytest.mark.parametrize("source", ["LOGS", "C:", "C:LOGS\\A", "C:\\..\\A", "C:\\*\\A", "C:\\A<B"])
def test_what_is_no_path_there_is_refused_before_anything_is_sent(pc: Machine, source: str) -> None:
    code, events = pc.pull(source=source)
    assert code == EXIT_USE
    assert events == []


@pytest.mark.parametrize("source", ["C:\\LOGS\\*.DAT", "C:\\LOGSS\\*.*", "C:\\LOGSS"])
def test_a_name_that_is_not_there_is_said_and_nothing_is_proved(pc: Machine, source: str) -> None:
    pc.put({"A.TXT": b"a"})
    code, events = pc.pull(source=source)
    assert code == EXIT_VERIFY
    assert [e.state for e in events if isinstance(e, StateChanged)][-1] is State.FAILED
    assert f"no file or folder there matches {source}" in pc.words
    assert not (pc.where / "out").exists()


def test_an_empty_folder_comes_as_it_is(pc: Machine) -> None:
    pc.logs.mkdir(parents=True)
    assert pc.pull(source="C:\\LOGS")[0] == 0
    assert (pc.where / "out" / "LOGS").is_dir()


def test_a_backup_moves_only_what_is_new_and_each_one_is_whole(pc: Machine) -> None:
    pc.put(FILES)
    out = pc.where / "kept"
    code, events = pc.call("backup", "sim", "C:\\LOGS", "--out", out)
    assert code == 0, pc.words
    assert sent(events)
    code, events = pc.call("backup", "sim", "C:\\LOGS", "--out", out)
    assert code == 0, pc.words
    assert sent(events) == []  # nothing has changed: no file's bytes move
    pc.put({"A Long Name with blanks.txt": b"changed\r\n"})
    code, events = pc.call("backup", "sim", "C:\\LOGS", "--out", out)
    assert code == 0, pc.words
    assert sum(one.length for one in sent(events)) < 200
    first, second, third = sorted(path for path in out.iterdir() if path.is_dir())
    assert tree(first) == tree(second) == dict(FILES)
    assert tree(third) == {**FILES, "A Long Name with blanks.txt": b"changed\r\n"}


def test_a_backup_goes_back_to_where_it_was(pc: Machine) -> None:
    pc.put(FILES)
    out = pc.where / "kept"
    assert pc.call("backup", "sim", "C:\\LOGS", "--out", out)[0] == 0, pc.words
    (backup,) = (path for path in out.iterdir() if path.is_dir())
    code, _events = pc.call("restore", "sim", backup, "--to", "C:\\BACK")
    assert code == 0, pc.words
    assert tree(pc.disk / "BACK") == dict(FILES)
    (backup / "A Long Name with blanks.txt").write_bytes(b"edited here")
    code, events = pc.call("restore", "sim", backup)
    assert code == EXIT_VERIFY
    assert "A Long Name with blanks.txt is not what the old PC had" in pc.words
    assert events == []


def test_names_and_folders_of_another_code_page_come_and_go_back(pc: Machine) -> None:
    russian = pc.where / "russian.toml"
    russian.write_text('name = "russian"\nmax_file = 2147483647\ncodepage = 1251\n')
    files = {"\u041f\u0440\u0438\u0432\u0435\u0442.txt": b"a", "\u042f/\u042b.dat": b"b" * 70_000}
    pc.logs = pc.disk / "\u041b\u043e\u0433\u0438"
    pc.put(files)
    source, out = "C:\\\u041b\u043e\u0433\u0438\\*.*", pc.where / "kept"
    code, events = pc.pull(source=source)
    assert (code, events) == (EXIT_USE, [])
    assert pc.words.splitlines()[0] == (
        f"deployer: {source}: the PC's code page, 1252, lacks \u041b\u043e\u0433\u0438."
    )
    code, _events = pc.pull("--profile", russian, source=source)
    assert code == 0, pc.words
    assert tree(pc.where / "out") == files
    code, _events = pc.call("backup", "sim", source.removesuffix("\\*.*"), "--out", out)
    assert code == 0, "the PC has said what its code page is: " + pc.words
    (backup,) = (path for path in out.iterdir() if path.is_dir())
    for path in pc.logs.rglob("*.*"):
        path.unlink()
    code, _events = pc.call("restore", "sim", backup)
    assert code == 0, pc.words
    assert tree(pc.logs) == files
