"""The simulated PC as a whole: what is typed at its prompt, what its user does about trouble."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployer.sim.__main__ import main
from deployer.sim.cable import Hang, Link
from deployer.sim.console import Printed, QueuedConsole
from deployer.sim.disk import Disk, PowerOff
from deployer.sim.faults import Fault, parse
from deployer.sim.machine import FTP, Machine
from deployer.sim.typist import type_lines, visit
from tests.sim.ftpserver import served

Build = Callable[..., bytes]
HOST = "192.168.1.1"


@pytest.fixture
def pc(tmp_path: Path) -> Machine:
    (tmp_path / "c").mkdir()
    machine = Machine(Disk(tmp_path / "c", capacity=8 << 20), wait=lambda seconds: None)
    machine.boot()
    return machine


def batch(pc: Machine, *lines: str) -> None:
    pc.disk.write_bytes("C:\\T.BAT", "".join(f"{line}\r\n" for line in lines).encode())


def out(pc: Machine, path: str = "C:\\OUT.TXT") -> list[str]:
    return pc.disk.read_bytes(path).decode("cp437").split("\r\n")[:-1]


def test_it_starts_with_a_prompt_in_the_windows_folder(pc: Machine) -> None:
    assert "Microsoft(R) Windows 98" in pc.console.text()
    assert pc.console.text().endswith("C:\\WINDOWS>")


def test_the_environment_is_that_of_windows_98(pc: Machine) -> None:
    batch(pc, "@ECHO %windir% %PATH% %TEMP%>C:\\OUT.TXT")
    pc.run_line("C:\\T")
    assert out(pc) == ["C:\\WINDOWS C:\\WINDOWS;C:\\WINDOWS\\COMMAND C:\\WINDOWS\\TEMP"]


def test_an_exit_code_becomes_errorlevel_by_its_low_byte(pc: Machine, build: Build) -> None:
    pc.disk.write_bytes("C:\\CHILD.EXE", build("child"))
    batch(
        pc,
        "@CHILD x >NUL",
        "@IF ERRORLEVEL 120 IF NOT ERRORLEVEL 121 ECHO 78h>C:\\OUT.TXT",
    )
    pc.run_line("CD \\")
    pc.run_line("T")
    assert out(pc) == ["78h"]


def test_a_program_that_cannot_start_leaves_errorlevel(pc: Machine, build: Build) -> None:
    pc.disk.write_bytes("C:\\CHILD.EXE", build("child"))
    pc.disk.write_bytes("C:\\BAD.EXE", build("child")[:-600])
    batch(pc, "@CHILD x >NUL", "@BAD", "@IF ERRORLEVEL 120 ECHO still>C:\\OUT.TXT")
    pc.run_line("CD \\")
    pc.run_line("T")
    assert out(pc) == ["still"]
    assert "BAD.EXE is cut" in pc.console.text()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["@COMMAND /C ECHO hi>C:\\OUT.TXT"], ["hi"]),
        (["@%COMSPEC% /C ECHO hi>C:\\OUT.TXT"], ["hi"]),
        (["@START /W C:\\CHILD x", "@IF ERRORLEVEL 120 ECHO heard>C:\\OUT.TXT"], ["heard"]),
        (["@START C:\\CHILD x", "@IF NOT ERRORLEVEL 1 ECHO unheard>C:\\OUT.TXT"], ["unheard"]),
        (["@START NOSUCH", "@IF ERRORLEVEL 255 ECHO none>C:\\OUT.TXT"], ["none"]),
    ],
)
def test_shells_and_windows_start_programs(
    pc: Machine, build: Build, lines: list[str], said: list[str]
) -> None:
    pc.disk.write_bytes("C:\\CHILD.EXE", build("child"))
    batch(pc, *lines)
    pc.run_line("CD \\")
    pc.run_line("T")
    assert out(pc) == said


def test_standard_streams_are_redirected_for_programs(pc: Machine, build: Build) -> None:
    pc.disk.write_bytes("C:\\CHILD.EXE", build("child"))
    pc.disk.write_bytes("C:\\IN.TXT", b"given\r\n")
    pc.run_line("C:\\CHILD i <C:\\IN.TXT >C:\\OUT.TXT")
    assert out(pc) == ["given"]


def test_a_program_reads_what_is_typed(pc: Machine, build: Build) -> None:
    pc.disk.write_bytes("C:\\CHILD.EXE", build("child"))
    type_lines(pc, ["C:\\CHILD i", "hello"])
    assert pc.console.text().count("hello") == 2


def test_without_its_file_a_program_is_gone(pc: Machine) -> None:
    pc.run_line("CHOICE /C:X /N /T:X,5 >NUL")
    assert "Bad command" not in pc.console.text()
    pc.disk.delete("C:\\WINDOWS\\COMMAND\\CHOICE.COM")
    pc.run_line("CHOICE /C:X /N /T:X,5 >NUL")
    assert "Bad command" in pc.console.text()


def test_a_dos_program_is_not_played_and_that_is_said(pc: Machine) -> None:
    """It is this PC that cannot, not Windows 98: ERRORLEVEL stays, and the batch file goes on."""
    pc.disk.write_bytes("C:\\HI.COM", bytes.fromhex("b44ccd21"))
    pc.disk.write_bytes("C:\\OLD.EXE", b"MZ".ljust(512, b"\0"))
    batch(pc, "@HI >C:\\OUT.TXT", "@OLD", "@IF NOT ERRORLEVEL 1 ECHO next>>C:\\OUT.TXT")
    pc.run_line("CD \\")
    pc.run_line("T")
    assert out(pc) == ["The simulated PC cannot play DOS programs: HI.COM.", "next"]
    assert "The simulated PC cannot play DOS programs: OLD.EXE." in pc.console.text()


def test_a_copied_program_still_works(pc: Machine) -> None:
    pc.run_line("COPY C:\\WINDOWS\\COMMAND\\FIND.EXE C:\\SEEK.EXE >NUL")
    pc.disk.write_bytes("C:\\A.TXT", b"word\r\n")
    pc.run_line('C:\\SEEK "word" C:\\A.TXT >C:\\OUT.TXT')
    assert out(pc)[-1] == "word"


def test_pause_is_answered(pc: Machine) -> None:
    batch(pc, "@PAUSE", "@ECHO done>C:\\OUT.TXT")
    pc.run_line("C:\\T")
    assert out(pc) == ["done"]


def test_a_program_that_never_ends_hangs_the_pc(pc: Machine, build: Build) -> None:
    pc.disk.write_bytes("C:\\LOOP.EXE", build("faults"))
    pc.cancelled = lambda: True
    with pytest.raises(Hang, match="cancelled"):
        pc.run_line("C:\\LOOP l")


# -- faults and the user -------------------------------------------------------------------------


def test_power_off_before_a_line(tmp_path: Path) -> None:
    machine = Machine(Disk(tmp_path))
    machine.harm(parse("off@3"))
    machine.boot()
    batch(machine, "@ECHO one>C:\\1.TXT", "@ECHO two>C:\\2.TXT", "@ECHO three>C:\\3.TXT")
    with pytest.raises(PowerOff):
        machine.run_line("C:\\T")
    with pytest.raises(RuntimeError, match="not switched on"):
        machine.run_line("DIR")
    machine.boot()
    assert [machine.disk.exists(f"C:\\{n}.TXT") for n in (1, 2, 3)] == [True, False, False]
    assert machine.happened == [Fault("off", 3)]
    machine.run_line("C:\\T")
    assert machine.disk.exists("C:\\3.TXT")


def test_a_full_disk_is_full_after_windows_is_installed(tmp_path: Path) -> None:
    machine = Machine(Disk(tmp_path))
    machine.harm(parse("full@8192"))
    machine.boot()
    assert machine.disk.exists(FTP)
    assert machine.disk.free() == 8192


@pytest.fixture
def host(tmp_path: Path) -> Iterator[tuple[Path, tuple[str, int]]]:
    """A server whose GO.BAT fetches a file and says that it has finished."""
    root = tmp_path / "server"
    root.mkdir()
    (root / "DATA.BIN").write_bytes(bytes(range(256)) * 200)
    lines = [
        "@ECHO OFF",
        f"ECHO open {HOST}>S.FTP",
        "ECHO user w98 pw>>S.FTP",
        "ECHO binary>>S.FTP",
        "ECHO get DATA.BIN>>S.FTP",
        "ECHO bye>>S.FTP",
        "%windir%\\FTP.EXE -n -i -s:S.FTP",
        "ECHO Finished.",
    ]
    (root / "GO.BAT").write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    with served(root) as address:
        yield root, address


CARD = (
    "C:",
    "MD \\DEPLOY",
    "CD \\DEPLOY",
    f"FTP {HOST}",
    "anonymous",
    "",
    "get GO.BAT",
    "bye",
    "GO",
)


@pytest.mark.parametrize(
    ("fault", "whole"),
    [
        ("", True),
        ("power@1", True),
        ("power@9", True),
        ("off@8", True),
        ("cable@100", True),
        ("cut@30000", False),
        ("flip@30000", False),
        ("hang@40000", False),
        ("ascii", False),
    ],
)
def test_the_typist_does_what_the_card_says(
    tmp_path: Path, host: tuple[Path, tuple[str, int]], fault: str, whole: bool
) -> None:
    root, address = host
    (tmp_path / "c").mkdir()
    hangs = fault.startswith("hang")  # for ever, so the user is made to lose patience soon
    link = Link(routes={HOST: address}, patience=1.0 if hangs else 60.0)
    machine = Machine(Disk(tmp_path / "c"), link=link, wait=lambda seconds: None)
    machine.harm(parse(fault) if fault else ())
    assert visit(machine, CARD)
    same = machine.disk.read_bytes("C:\\DEPLOY\\DATA.BIN") == (root / "DATA.BIN").read_bytes()
    assert same is whole


def test_the_typist_gives_up_when_nobody_answers(tmp_path: Path) -> None:
    machine = Machine(Disk(tmp_path), link=Link(routes={HOST: ("127.0.0.1", 9)}))
    assert not visit(machine, CARD, tries=2)
    assert machine.console.text().count("> ftp: connect :Connection refused") == 2


# -- what a PC may lack ---------------------------------------------------------------------------


def test_a_program_of_windows_can_be_missing(tmp_path: Path) -> None:
    """Also on a disk that had it, and by its full path; what else stands there is not touched."""
    with_all = Machine(Disk(tmp_path))
    with_all.boot()
    pc = Machine(Disk(tmp_path), without=("FIND.EXE", "CHOICE.COM"))
    pc.boot()
    for line in ("FIND /V x", "CHOICE", "C:\\WINDOWS\\COMMAND\\FIND.EXE x", "SORT <NUL"):
        pc.run_line(line)
    assert pc.console.text().count("Bad command or file name") == 3


def test_a_full_disk_has_no_free_cluster_at_the_start(tmp_path: Path) -> None:
    """What Windows itself brings is there; only an empty file in a folder with room can be made."""
    pc = Machine(Disk(tmp_path))
    pc.harm(parse("full@0"))
    pc.boot()
    assert pc.disk.free() == 0
    for line in ("TYPE NUL>C:\\EMPTY.TXT", "ECHO x>C:\\FULL.TXT", "MD C:\\DEPLOY"):
        pc.run_line(line)
    assert pc.disk.stat("C:\\EMPTY.TXT").size == 0
    assert pc.disk.stat("C:\\FULL.TXT").size == 0
    assert not pc.disk.exists("C:\\DEPLOY")


# -- as a program --------------------------------------------------------------------------------


def test_as_a_program(
    tmp_path: Path, host: tuple[Path, tuple[str, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, (address, port) = host
    disk = tmp_path / "made" / "c"
    assert main([f"--host={address}:{port}", f"--disk={disk}"]) == 0
    assert "C:\\DEPLOY>GO" in capsys.readouterr().out
    assert (disk / "DEPLOY" / "DATA.BIN").stat().st_size == 51200


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fault=fire"], "there is no fault 'fire'"),
        (["--route=nonsense"], "is no route"),
        (["--host=:21"], "is no route"),
        (["--without=FIND.COM"], "there is no program 'FIND.COM'; there are FTP.EXE, "),
    ],
)
def test_a_wrong_use_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_line_is_shown_while_it_grows_and_cr_begins_it_anew() -> None:
    """What a program prints without a line end is on the screen, and goes out, at once."""
    out: list[str] = []
    printed = Printed(out.append)
    console = QueuedConsole(printed.ended, on_begun=printed.begun)
    for piece in (b"Once", b" upon", b"\r\n10 %", b"\r20 %", b"\r\n"):
        console.put(piece)
    assert out == ["Once", " upon", "", "\n", "10 %", "\r20 %", "", "\n"]
    assert list(console.lines) == ["Once upon", "20 %"]


def test_what_a_user_types_is_typed_once(tmp_path: Path) -> None:
    """Whatever comes of it; only --tries makes it come again."""
    count = tmp_path / "WINDOWS" / "COUNT.TXT"
    line = "--type=ECHO once>>COUNT.TXT"
    assert main([f"--disk={tmp_path}", line]) == 0
    assert count.read_bytes() == b"once\r\n"
    assert main([f"--disk={tmp_path}", line, "--until=Finished."]) == 1
    assert count.read_bytes() == b"once\r\n" * 2
    assert main([f"--disk={tmp_path}", line, "--tries=3"]) == 1
    assert count.read_bytes() == b"once\r\n" * 5


def test_nobody_switches_it_on_again_when_a_users_own_line_hangs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([f"--disk={tmp_path}", "--type=ECHO once>>COUNT.TXT", "--type=CTTY COM1"]) == 1
    assert (tmp_path / "WINDOWS" / "COUNT.TXT").read_bytes() == b"once\r\n"
    said = capsys.readouterr().out
    assert said.count("*** COMMAND.COM stands still") == 1
    assert "Nobody switches it on again." in said


def test_lines_can_come_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", ["ECHO Finished.\n"])
    assert main(["--shell"]) == 0
    assert "C:\\WINDOWS>ECHO Finished." in capsys.readouterr().out


def test_switched_off_at_once_it_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    script = "import deployer.sim.__main__ as sim, os; sim.end_with_input = lambda: None; "
    script += "sim.visit = lambda *a, **k: os._exit(3); sim.main()"
    command = [sys.executable, "-c", script, "--end-with-input", f"--disk={tmp_path / 'c'}"]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    assert subprocess.run(command, env=environment, check=False, timeout=60).returncode == 3
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("line", ["COPY C:\\A C:\\B", "DEL C:\\*.*", "DEL C:\\A /P"])
def test_a_question_that_nobody_answers_ends(pc: Machine, line: str) -> None:
    """A GO.BAT that came cut in a COPY asks one, and one with another letter in a DEL."""
    for name in ("A", "B"):
        pc.disk.write_bytes(f"C:\\{name}", b"x")
    with pytest.raises(Hang, match="nobody answers"):
        pc.run_line(line)
