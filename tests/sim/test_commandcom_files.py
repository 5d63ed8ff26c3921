"""COPY, DEL, REN, directories and long names under the simulated COMMAND.COM."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.sim.commandcom import DOS400, WIN98, Dialect, NotModelled
from tests.doscase import World

Files = dict[str, bytes]
NO = None

#: lines, files before, files after (None: not there).
WORK: list[tuple[str, Files, dict[str, bytes | None]]] = [
    # -- COPY --
    ("COPY A B", {"A": b"1\x1a2"}, {"B": b"1\x1a2"}),
    ("COPY /A A B", {"A": b"1\x1a2"}, {"B": b"1\x1a"}),
    ("COPY A/A B/B", {"A": b"1\x1a2"}, {"B": b"1"}),
    ("COPY A+B C", {"A": b"1\x1a2", "B": b"3"}, {"C": b"13\x1a"}),
    ("COPY /B A+B C", {"A": b"1\x1a2", "B": b"3"}, {"C": b"1\x1a23"}),
    ("COPY A+B/B C", {"A": b"1\x1a2", "B": b"3\x1a4"}, {"C": b"13\x1a4"}),
    ("COPY /B A+B", {"A": b"1", "B": b"2"}, {"A": b"12", "B": b"2"}),
    ("COPY /B A+B A", {"A": b"1", "B": b"2"}, {"A": b"12"}),
    ("COPY /B B+A A", {"A": b"1", "B": b"2"}, {"A": b"2"}),
    ("COPY /B A+NO+B C", {"A": b"1", "B": b"2"}, {"C": b"12"}),
    ("COPY /B NO+NO2 C", {"C": b"old"}, {"C": NO}),
    ("COPY NO C", {"C": b"old"}, {"C": b"old"}),
    ("COPY E C", {"E": b"", "C": b"old"}, {"C": NO}),
    ("COPY NUL C", {"C": b"old"}, {"C": NO}),
    ("COPY /B E+A C", {"E": b"", "A": b"1"}, {"C": b"1"}),
    ("COPY *.TXT C", {"A.TXT": b"1", "B.TXT": b"2"}, {"C": b"12\x1a"}),
    ("COPY /B *.TXT C", {"A.TXT": b"1", "B.TXT": b"2"}, {"C": b"12"}),
    ("COPY *.TXT *.BAK", {"A.TXT": b"1", "B.TXT": b"2"}, {"A.BAK": b"1", "B.BAK": b"2"}),
    ("COPY A.TXT B.*", {"A.TXT": b"1"}, {"B.TXT": b"1"}),
    ("COPY *.TXT+*.DAT *.OUT", {"A.TXT": b"1", "A.DAT": b"2"}, {"A.OUT": b"12\x1a"}),
    ("COPY A SUB", {"A": b"1", "SUB\\X": b""}, {"SUB\\A": b"1"}),
    ("COPY SUB", {"SUB\\A": b"1"}, {"A": b"1"}),
    ("COPY A SUB\\", {"A": b"1", "SUB\\X": b""}, {"SUB\\A": NO}),
    ("COPY A NOSUB\\B", {"A": b"1"}, {"NOSUB": NO}),
    ("COPY A A", {"A": b"1"}, {"A": b"1"}),
    ("COPY A B C", {"A": b"1", "B": b"2"}, {"C": NO}),
    ("COPY/B A+B C", {"A": b"1", "B": b"2"}, {"C": b"12"}),
    ("COPY A=B", {"A": b"1"}, {"B": b"1"}),
    ("COPY /B A+,,", {"A": b"1"}, {"A": b"1"}),
    # -- DEL, REN --
    ("DEL A B", {"A": b"", "B": b""}, {"A": b"", "B": b""}),
    ("DEL *.TXT", {"A.TXT": b"", "B.DAT": b""}, {"A.TXT": NO, "B.DAT": b""}),
    ("ERASE SUB\\A", {"SUB\\A": b""}, {"SUB\\A": NO}),
    ("ECHO Y|DEL *.*", {"A": b""}, {"A": NO, "CASE.BAT": NO}),
    ("REN A B", {"A": b"1"}, {"A": NO, "B": b"1"}),
    ("REN A B", {"A": b"1", "B": b"2"}, {"A": b"1", "B": b"2"}),
    ("REN *.TXT *.BAK", {"A.TXT": b"1", "B.TXT": b"2"}, {"A.BAK": b"1", "B.BAK": b"2"}),
    ("REN SUB\\A B", {"SUB\\A": b"1"}, {"SUB\\B": b"1"}),
    ("REN A SUB\\B", {"A": b"1", "SUB\\X": b""}, {"A": b"1", "SUB\\B": NO}),
    # -- directories --
    ("MD D\nMD D\\E\nCD D\\E\nECHO x>F", {}, {"D\\E\\F": b"x\r\n"}),
    ("MD D\nCD D\nRD ..\\D", {}, {}),
    ("RD SUB", {"SUB\\A": b"1"}, {"SUB\\A": b"1"}),
    ("CD SUB\n\\T\\SUB\\S\nCD ..", {"SUB\\S.BAT": b"ECHO x>F\r\n"}, {"SUB\\F": b"x\r\n"}),
    ("D:\nMD X\nCD X\nECHO x>F\nCOPY F C:Y\nC:", {}, {"Y": b"x\r\n"}),
    # -- TYPE --
    ("TYPE A>B", {"A": b"1\x1a2"}, {"B": b"1"}),
    ("TYPE NUL>B", {}, {"B": b""}),
    ("TYPE,A>B", {"A": b"1"}, {"B": b""}),
]


@pytest.mark.parametrize("dialect", [WIN98, DOS400], ids=["98", "400"])
@pytest.mark.parametrize(("lines", "before", "after"), WORK, ids=[case[0] for case in WORK])
def test_files(
    lines: str, before: Files, after: dict[str, bytes | None], dialect: Dialect, tmp_path: Path
) -> None:
    compare(World(tmp_path, dialect=dialect), lines, before, after)


def compare(world: World, lines: str, before: Files, after: dict[str, bytes | None]) -> None:
    """Run lines as a batch file and look at the files afterwards."""
    world.put("CASE.BAT", ("@ECHO OFF\n" + lines + "\n").replace("\n", "\r\n").encode("cp437"))
    for name, data in before.items():
        world.put(name, data)
    world.shell.execute("CASE")
    found = {n: world.get(n) if world.disk.exists(f"C:\\T\\{n}") else NO for n in after}
    assert found == after


#: What Windows 98 has and MS-DOS 4.00 does not.
ONLY_98: list[tuple[str, Files, dict[str, bytes | None]]] = [
    ('COPY A "long name.txt"', {"A": b"1"}, {"long name.txt": b"1"}),
    ('COPY "long name.txt" B', {"long name.txt": b"1"}, {"B": b"1"}),
    ("COPY LONGNA~1.TXT B", {"long name.txt": b"1"}, {"B": b"1"}),
    ('COPY /B "a b"+"c,d" "e=f"', {"a b": b"1", "c,d": b"2"}, {"e=f": b"12"}),
    ('DEL "long name.txt"', {"long name.txt": b"1"}, {"long name.txt": NO}),
    ('REN "long name.txt" X', {"long name.txt": b"1"}, {"X": b"1"}),
    ('REN A "long name"', {"A": b"1"}, {"long name": b"1", "A": NO}),
    ('MD "a b"\nCD "a b"\nECHO x>F', {}, {"a b\\F": b"x\r\n"}),
    ("MD longdirectory\nCD longdirectory\nECHO x>F", {}, {"LONGDI~1\\F": b"x\r\n"}),
    ('TYPE "a b">C', {"a b": b"1"}, {"C": b"1"}),
    ('ECHO x>"a b"', {}, {"a b": b"x \r\n"}),
    ('IF EXIST "a b" ECHO x>C', {"a b": b"1"}, {"C": b"x\r\n"}),
    ('CALL S "a b" c', {"S.BAT": b"ECHO %1 %2>C\r\n"}, {"C": b'"a b" c\r\n'}),
    ('CALL "a b" c', {"a b.bat": b"ECHO %1>C\r\n"}, {"C": b"c\r\n"}),
    ("ECHO %windir%>C", {}, {"C": b"C:\\WINDOWS\r\n"}),
    ("COPY /Y A B", {"A": b"1", "B": b"2"}, {"B": b"1"}),
    ("COPY /-Y A C\nDEL B\nREN C B", {"A": b"1"}, {"B": b"1"}),
    ("COPY A B", {"A": b"1", "B": b"2"}, {"B": b"1"}),
    ("DIR /B *.DAT>C", {"B.DAT": b"", "A.DAT": b""}, {"C": b"A.DAT\r\nB.DAT\r\n"}),
    ("CD %0\\..\nECHO x>C", {}, {"C": b"x\r\n"}),
    ("TYPE A|SORT>B\nDIR /B C:\\TMP>C", {"A": b"1\r\n"}, {"C": b"", "B": b"1\r\n"}),
]


@pytest.mark.parametrize(("lines", "before", "after"), ONLY_98, ids=[case[0] for case in ONLY_98])
def test_windows_98(
    lines: str, before: Files, after: dict[str, bytes | None], tmp_path: Path
) -> None:
    environment = {"PATH": "C:\\DOS", "TEMP": "C:\\TMP", "windir": "C:\\WINDOWS"}
    compare(World(tmp_path, environment=environment), lines, before, after)


@pytest.mark.parametrize(("answer", "data"), [("n", b"old"), ("y", b"new"), ("All", b"new")])
def test_copy_asks_at_the_prompt(answer: str, data: bytes, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("A", b"new")
    world.put("B", b"old")
    world.screen.typed = [answer]
    world.shell.execute("COPY A B")
    assert world.get("B") == data
    assert "Overwrite B (Yes/No/All)?" in world.screen.text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("COPY NO B", "File not found - NO"),
        ("COPY A A", "File cannot be copied onto itself\r\n        0 file(s) copied"),
        ("COPY A B", "        1 file(s) copied"),
        ("DEL NO", "File not found"),
        ("REN A B\r\nREN NO B", "Duplicate file name or file not found"),
        ("TYPE NO", "File not found - NO"),
        ("CD NO", "Invalid directory"),
        ("MD A", "Unable to create directory"),
        ("RD NO", "Invalid path, not directory,\r\nor directory not empty"),
        ("Q:", "Invalid drive specification"),
        ("GOTO", ""),
        ("NOSUCH", "Bad command or file name"),
        ("VERIFY MAYBE", "Must specify ON or OFF"),
        ("IF", "Syntax error"),
        ("DEL", "Required parameter missing"),
    ],
)
def test_messages(line: str, said: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("A", b"1")
    for part in line.split("\r\n"):
        world.shell.execute(part)
    assert said in world.screen.text


def test_redirection_into_a_quoted_path_is_not_modelled(tmp_path: Path) -> None:
    with pytest.raises(NotModelled):
        World(tmp_path).shell.execute('ECHO x>"C:\\a b\\c"')


def test_dir_lists_names_sizes_and_totals(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("A.TXT", b"123")
    world.put("long name.text", b"")
    world.shell.execute("DIR")
    assert "Directory of C:\\T" in world.screen.text
    assert "A        TXT             3" in world.screen.text
    assert "LONGNA~1 TEX             0  " in world.screen.text
    assert ".              <DIR>        " in world.screen.text
    assert "         2 file(s)              3 bytes\r\n         2 dir(s)" in world.screen.text
