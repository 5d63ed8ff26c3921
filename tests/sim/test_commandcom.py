"""Batch files of a few lines under the simulated COMMAND.COM: what they print into OUT.TXT.

`@ECHO OFF` stands before each. Facts are those of Windows 98; the surprising ones come from the
conformance cases that ran on MS-DOS 4.00.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from deployer.sim.commandcom import End, NotModelled, ShellHang
from deployer.sim.commandcom.dialect import DOS400, WIN98
from tests.doscase import World

SAY = "@ECHO said %0 %1 %2>>OUT.TXT\n"
SETTER = "@SET V=set\n"
LONG = "x" * 130


def files(world: World, lines: str, more: Mapping[str, str]) -> None:
    """CASE.BAT from lines with LF, and what it needs."""
    world.put("CASE.BAT", ("@ECHO OFF\n" + lines).replace("\n", "\r\n").encode("cp437"))
    for name, text in more.items():
        world.put(name, text.replace("\n", "\r\n").encode("cp437"))


def output(world: World) -> str:
    """What OUT.TXT holds, lines separated by |; "" without it."""
    if not world.disk.exists("C:\\T\\OUT.TXT"):
        return ""
    return world.get("OUT.TXT").decode("cp437").removesuffix("\r\n").replace("\r\n", "|")


#: name, lines, what OUT.TXT holds then, further files.
LANGUAGE: list[tuple[str, str, str, dict[str, str]]] = [
    # -- reading and filling in --
    ("parameters", "ECHO %0 %1 %2 %3 %10>>OUT.TXT\n", "case a b  a0", {}),
    ("percent-twice", "ECHO 100%%>>OUT.TXT\n", "100%", {}),
    ("percent-alone", "ECHO 50% done>>OUT.TXT\n", "50 done", {}),
    ("percent-unknown", "ECHO [%NOSUCH%]>>OUT.TXT\n", "[]", {}),
    ("variable", "SET V=x y\nECHO [%V%] [%v%]>>OUT.TXT\n", "[x y] [x y]", {}),
    ("variable-blank-in-name", "SET V =x\nECHO [%V %][%V%]>>OUT.TXT\n", "[x][]", {}),
    ("redirection-in-value", "SET V=a^b\nECHO %V%>>OUT.TXT\n", "a^b", {}),
    ("127-kept", f"ECHO {LONG}\nECHO end>>OUT.TXT\n", "end", {}),
    ("redirection-behind-127", f"ECHO {LONG}>>OUT.TXT\nECHO end>>OUT.TXT\n", "end", {}),
    ("ctrl-z-last", "ECHO a>>OUT.TXT\nECHO b>>OUT.TXT\x1a", "a|b", {}),
    ("ctrl-z", "ECHO a>>OUT.TXT\nECHO b\x1a\nECHO c>>OUT.TXT\n", "a", {}),
    ("label-indented", "GOTO X\nECHO no>>OUT.TXT\n   :X\nECHO x>>OUT.TXT\n", "x", {}),
    # -- ECHO --
    ("echo-dot", "ECHO.>>OUT.TXT\nECHO.x>>OUT.TXT\n", "|x", {}),
    ("echo-forms", "ECHO/a>>OUT.TXT\nECHO;b>>OUT.TXT\nECHO,c>>OUT.TXT\n", "a|b|c", {}),
    ("echo-bracket", "ECHO(x>>OUT.TXT\nECHO end>>OUT.TXT\n", "end", {}),
    ("echo-state", "ECHO>>OUT.TXT\n", "ECHO is off", {}),
    ("echo-quoted", 'ECHO "a>b|c">>OUT.TXT\n', '"a>b|c"', {}),
    ("echo-digit", "ECHO 1>>OUT.TXT\nECHO 2 >>OUT.TXT\n", "1|2 ", {}),
    ("echo-two-at", "@@ECHO x>>OUT.TXT\nECHO end>>OUT.TXT\n", "end", {}),
    # -- IF --
    ("if-equal", "IF %1==a ECHO yes>>OUT.TXT\nIF %1 == b ECHO no>>OUT.TXT\n", "yes", {}),
    ("if-case", "IF a==A ECHO no>>OUT.TXT\nIF NOT a==A ECHO yes>>OUT.TXT\n", "yes", {}),
    ("if-empty", 'IF "%9"=="" ECHO none>>OUT.TXT\n', "none", {}),
    ("if-bare-empty", "IF %9==a ECHO a>>OUT.TXT\nECHO end>>OUT.TXT\n", "end", {}),
    ("if-exist", "IF EXIST CASE.* ECHO yes>>OUT.TXT\nIF EXIST NO ECHO no>>OUT.TXT\n", "yes", {}),
    ("if-not-not", "IF NOT NOT a==a ECHO yes>>OUT.TXT\n", "yes", {}),
    ("if-if", "IF a==a IF NOT b==c ECHO yes>>OUT.TXT\n", "yes", {}),
    ("if-else", "IF a==b ECHO x>>OUT.TXT ELSE ECHO y>>OUT.TXT\nECHO z>>OUT.TXT\n", "z", {}),
    ("if-at", "IF a==a @ECHO x>>OUT.TXT\nECHO end>>OUT.TXT\n", "end", {}),
    ("if-redirects-first", "IF a==b ECHO x>F\nIF EXIST F ECHO made>>OUT.TXT\n", "made", {}),
    ("if-not-exist-redirects", "IF NOT EXIST F ECHO x>F\nTYPE F>>OUT.TXT\n", "", {}),
    ("if-quoted-name", 'IF EXIST "CASE.BAT" ECHO yes>>OUT.TXT\n', "yes", {}),
    ("if-errorlevel", "RC 3\nIF ERRORLEVEL 4 ECHO 4>>OUT.TXT\nIF ERRORLEVEL 3 ECHO 3>>OUT.TXT\n",
     "3", {}),
    ("if-errorlevel-byte", "RC 1\nIF ERRORLEVEL 256 ECHO 0>>OUT.TXT\n", "0", {}),
    ("errorlevel-word", "RC 7\nECHO %ERRORLEVEL%.>>OUT.TXT\n", ".", {}),
    ("errorlevel-stays", "RC 7\nSET X=1\nCD .\nNOSUCH\nIF ERRORLEVEL 7 ECHO 7>>OUT.TXT\n",
     "7", {}),
    # -- GOTO --
    ("goto-eight", "GOTO LONGLABEL2\n:LONGLABEL1\nECHO 1>>OUT.TXT\n:LONGLABEL2\nECHO 2>>OUT.TXT\n",
     "1|2", {}),
    ("goto-backwards", ":A\nIF EXIST F GOTO B\nECHO>F\nGOTO A\n:B\nECHO b>>OUT.TXT\n", "b", {}),
    ("goto-trailing", "GOTO A more words\nECHO no>>OUT.TXT\n:a text\nECHO a>>OUT.TXT\n", "a", {}),
    ("goto-colon", "GOTO :A\nECHO no>>OUT.TXT\n:A\nECHO a>>OUT.TXT\n", "a", {}),
    ("goto-missing", "GOTO NO\nECHO no>>OUT.TXT\n", "", {}),
    ("goto-at-label", "GOTO X\n@:X\nECHO no>>OUT.TXT\n", "", {}),
    # -- FOR --
    ("for", "FOR %%V IN (a b,c;d) DO ECHO %%V.%1>>OUT.TXT\n", "a.a|b.a|c.a|d.a", {}),
    ("for-files", "FOR %%V IN (*.DAT) DO ECHO %%V>>OUT.TXT\n", "A.DAT|B.DAT",
     {"A.DAT": "", "B.DAT": ""}),
    ("for-none", "FOR %%V IN (*.NO) DO ECHO %%V>>OUT.TXT\nECHO end>>OUT.TXT\n", "end", {}),
    ("for-last-only", "FOR %%V IN (a b) DO ECHO %%V>OUT.TXT\n", "b", {}),
    ("for-slash", "FOR %%V IN (/abc a/b) DO ECHO %%V>>OUT.TXT\n", "a|bc|a|b", {}),
    ("for-target", "FOR %%V IN (x) DO ECHO %%V>%%V.TXT\nTYPE %%V.TXT>>OUT.TXT\n", "x", {}),
    ("for-call", "FOR %%V IN (a b) DO CALL SAY %%V\n", "said SAY a |said SAY b ", {"SAY.BAT": SAY}),
    ("for-nested", "FOR %%A IN (1) DO FOR %%B IN (2) DO ECHO no>>OUT.TXT\nECHO e>>OUT.TXT\n",
     "e", {}),
    # -- CALL and other batch files --
    ("call", "CALL SAY 1 2\nECHO back>>OUT.TXT\n", "said SAY 1 2|back", {"SAY.BAT": SAY}),
    ("no-call", "SAY\nECHO back>>OUT.TXT\n", "said SAY  ", {"SAY.BAT": SAY}),
    ("call-quotes", 'CALL SAY "q r" s\n', 'said SAY "q r" s', {"SAY.BAT": SAY}),
    ("call-redirected", "CALL SAY>F\nTYPE F>>OUT.TXT\n", "said SAY  ", {"SAY.BAT": SAY}),
    ("call-label", "CALL :X\nECHO end>>OUT.TXT\nGOTO E\n:X\nECHO x>>OUT.TXT\n:E\n", "end", {}),
    ("shift", "SHIFT\nECHO %0 %1>>OUT.TXT\n", "a b", {}),
    ("shift-in-call", "CALL SHIFTS 1\nECHO %1>>OUT.TXT\n", "a", {"SHIFTS.BAT": "@SHIFT\n"}),
    ("environment-is-shared", "CALL SETTER\nECHO %V%>>OUT.TXT\n", "set", {"SETTER.BAT": SETTER}),
    # -- redirection and pipes --
    ("two-targets", "ECHO x>A>OUT.TXT\nIF EXIST A ECHO a>>OUT.TXT\n", "x ", {}),
    ("target-in-front", ">>OUT.TXT ECHO x\n", "x", {}),
    ("target-without-command", ">OUT.TXT\nIF EXIST OUT.TXT ECHO y>>OUT.TXT\n", "y", {}),
    ("no-directory", "ECHO x>NO\\F\nECHO end>>OUT.TXT\n", "end", {}),
    ("append-over-ctrl-z", "TYPE Z>OUT.TXT\nECHO b>>OUT.TXT\n", "a|b", {"Z": "a\n\x1a"}),
    ("rem-redirects", "REM x>OUT.TXT\n", "", {}),
    ("pipe", "TYPE IN|SORT>>OUT.TXT\n", "a|b", {"IN": "b\na\n"}),
    ("pipe-three", 'TYPE IN|SORT|FIND "b">>OUT.TXT\n', "b", {"IN": "b\na\n"}),
    ("pipe-same-shell", "ECHO y|SET V=1\nECHO %V%>>OUT.TXT\n", "1", {}),
    ("pipe-into-call", 'CALL SAY|FIND "x">F\nECHO end>>OUT.TXT\n', "said SAY  |end",
     {"SAY.BAT": SAY}),
    ("pipe-behind-input", 'SORT <IN|FIND "a">>OUT.TXT\nECHO e>>OUT.TXT\n', "e", {"IN": "a\n"}),
    ("pipe-behind-blank", 'SORT <IN |FIND "a">>OUT.TXT\n', "a", {"IN": "a\n"}),
    ("pipe-errorlevel", "RC 3|RC 5\nIF ERRORLEVEL 5 ECHO 5>>OUT.TXT\n", "5", {}),
    # -- what came after MS-DOS 4.00 --
    ("lh", "LH RC 3\nIF ERRORLEVEL 3 ECHO 3>>OUT.TXT\nLH /L:1,2000 /S TAIL a>>OUT.TXT\n",
     "3|[ a]", {}),
    ("lh-internal", "LH ECHO x>>OUT.TXT\nLOADHIGH\nECHO e>>OUT.TXT\n", "e", {}),
    ("lfnfor", "FOR %%V IN (*.TEXT) DO ECHO %%V>>OUT.TXT\nLFNFOR ON\nLFNFOR>>OUT.TXT\n"
     "FOR %%V IN (L*.*) DO ECHO %%V>>OUT.TXT\nLFNFOR x\nLFNFOR OFF\nLFNFOR>>OUT.TXT\n",
     "LONGNA~1.TEX|LFNFOR is on|Long name.text|LFNFOR is off", {"Long name.text": ""}),
    ("dir-attributes", "MD D\nDIR /AD /B>>OUT.TXT\nATTRIB +H A.X\nDIR /A:H/B>>OUT.TXT\n"
     "DIR /B/A-D-H *.X>>OUT.TXT\n", "D|A.X|B.X", {"A.X": "", "B.X": ""}),
    ("dir-order", "DIR /B /O-N *.X>>OUT.TXT\nDIR /B/O:S *.X>>OUT.TXT\nDIR /B /OQ\n",
     "B.X|A.X|B.X|A.X", {"A.X": "12", "B.X": "1"}),
    ("dir-below", "DIR /B /S *.X>>OUT.TXT\n", "C:\\T\\A.X|C:\\T\\S\\B.X|C:\\T\\S\\U\\C.X",
     {"A.X": "", "S\\B.X": "", "S\\U\\C.X": ""}),
    # -- SET --
    ("set-two-equals", "SET V=old\nSET V=a=b\nECHO %V%>>OUT.TXT\n", "old", {}),
    ("set-nothing", "SET V=x\nSET V=\nECHO [%V%]>>OUT.TXT\n", "[]", {}),
    ("set-blanks", "SET V= x \nECHO [%V%]>>OUT.TXT\n", "[ x ]", {}),
    ("set-redirected", "SET F=>G\nIF EXIST G ECHO g>>OUT.TXT\n", "g", {}),
    # -- programs --
    ("tail", "TAIL  a,b;c /d>>OUT.TXT\n", "[  a,b;c /d]", {}),
    ("unknown", "NOSUCH>F\nIF EXIST F ECHO f>>OUT.TXT\nECHO e>>OUT.TXT\n", "e", {}),
    ("found-by-path", "RC 2\nIF ERRORLEVEL 2 ECHO 2>>OUT.TXT\n", "2", {}),
    ("command-c", "COMMAND /C SETTER\nECHO [%V%]>>OUT.TXT\n", "[]", {"SETTER.BAT": SETTER}),
    ("command-e", "COMMAND /E:2048 /C BIG\n", "kept",
     {"BIG.BAT": "".join(f"@SET V{n}={'y' * 90}\n" for n in range(15))
      + '@IF NOT "%V14%"=="" ECHO kept>>OUT.TXT\n'}),
    ("command-c-code", "RC 3\nCOMMAND /C RC 7\nIF NOT ERRORLEVEL 1 ECHO 0>>OUT.TXT\n", "0", {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "wanted", "more"), [case[1:] for case in LANGUAGE], ids=[c[0] for c in LANGUAGE]
)
def test_a_batch_file_prints(lines: str, wanted: str, more: dict[str, str], tmp_path: Path) -> None:
    world = World(tmp_path)
    files(world, lines, more)
    assert world.shell.execute("case a b") is End.PROMPT
    assert output(world) == wanted


def test_lines_with_lf_alone_are_one_line(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("CASE.BAT", b"@ECHO OFF\r\nECHO a>>OUT.TXT\nECHO b>>OUT.TXT\r\n")
    world.shell.execute("CASE")
    assert output(world) == "a\nECHO b"


@pytest.mark.parametrize(
    ("last", "wanted"),
    [
        (b"ECHO b>>OUT.TXT", "a|b"),
        (b":END", "a"),  # the line before runs again, without its redirection
        (b"ECHO b>>OUT.TXT\r\nGOTO END\r\n:END", "a|b"),
    ],
)
def test_a_last_line_without_its_end(last: bytes, wanted: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("CASE.BAT", b"@ECHO OFF\r\nECHO a>>OUT.TXT\r\n" + last)
    world.shell.execute("CASE")
    assert output(world) == wanted
    assert world.screen.text.startswith("a" if last == b":END" else "\r\nC:\\T>")


# -- how it ends ---------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["GOTO NO\n", "DEL S.BAT\nECHO no>>OUT.TXT\n"])
def test_what_ends_a_called_batch_file_early_ends_all_without_a_prompt(
    line: str, tmp_path: Path
) -> None:
    world = World(tmp_path)
    files(world, "CALL S\nECHO no>>OUT.TXT\n", {"S.BAT": line})
    assert world.shell.execute("CASE") is End.NO_PROMPT
    assert output(world) == ""
    assert world.shell.execute("ECHO typed>OUT.TXT") is End.NO_PROMPT
    assert output(world) == "typed"


@pytest.mark.parametrize(
    "lines",
    [
        f"SET V={'y' * 100}\nECHO {'x' * 30}%V%>>OUT.TXT\n",
        f"SET V={'y' * 100}\nFOR %%V IN ({'x' * 30}%V%) DO ECHO %%V\n",
    ],
)
def test_a_value_that_leaves_the_line_buffer_is_the_end(lines: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    files(world, lines, {})
    with pytest.raises(ShellHang):
        world.shell.execute("CASE")


def test_text_that_leaves_the_line_buffer_is_cut(tmp_path: Path) -> None:
    world = World(tmp_path)
    files(world, f"SET V=y\nECHO %V%{'x' * 115}>>OUT.TXT\n", {})
    world.shell.execute("CASE")
    assert world.disk.exists("C:\\T\\OUT")  # 126 bytes: each % that is filled in costs one


def test_a_full_environment_keeps_a_shortened_value(tmp_path: Path) -> None:
    world = World(tmp_path, env_bytes=128)
    files(world, f"SET KEEP=1\nSET KEEP={'y' * 90}\nECHO [%KEEP%]>>OUT.TXT\n", {})
    assert world.shell.execute("CASE") is End.PROMPT
    assert output(world) != f"[{'y' * 90}]"
    assert "Out of environment space" in world.screen.text


def test_forty_levels_of_call(tmp_path: Path) -> None:
    world = World(tmp_path)
    files(world, "CALL S\nECHO end>>OUT.TXT\n",
          {"S.BAT": "@SHIFT\n@IF NOT %0==%9 CALL D%1 %1\n"})  # fmt: skip
    for level in range(40):
        text = f"@CALL L{level + 1}\r\n" if level < 39 else "@ECHO deep>>OUT.TXT\r\n"
        world.put(f"L{level}.BAT", text.encode())
    files(world, "CALL L0\nECHO end>>OUT.TXT\n", {})
    world.shell.execute("CASE")
    assert output(world) == "deep|end"


@pytest.mark.parametrize(
    "line", ["CTTY AUX", "LOCK C:", "DIR /V", "CHCP 850", "TYPE COM1", "COMMAND /K VER"]
)
def test_what_is_not_modelled_is_said(line: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    with pytest.raises(NotModelled, match="does not model"):
        world.shell.execute(line)


# -- the console ---------------------------------------------------------------------------------


def test_a_batch_file_with_echo_shows_its_lines(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("CASE.BAT", b"ECHO a\r\n@ECHO b\r\n\r\nREM %0\r\n")
    world.shell.execute("CASE")
    assert world.screen.text == (
        "\r\nC:\\T>ECHO a\r\na\r\nb\r\n\r\nC:\\T>\r\nC:\\T>REM CASE\r\n\r\nC:\\T>\r\nC:\\T>"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("$P$G", "C:\\T>"),
        ("$N:$_$L$B$Q$$", "C:\r\n<|=$"),
        ("$V", "Windows 98 [Version 4.10.1998]"),
        ("x$E[m$H", "x\x1b[m\x08 \x08"),
        ("", "C>"),
    ],
)
def test_prompt(text: str, shown: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.shell.execute(f"PROMPT {text}")
    assert world.screen.text == f"\r\n{shown}"


def test_pause_takes_a_key(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.screen.typed = [""]
    files(world, "PAUSE\nECHO end>>OUT.TXT\n", {})
    world.shell.execute("CASE")
    assert output(world) == "end"


def test_lines_are_typed_until_exit(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.screen.typed = ["COMMAND", "SET V=1", "EXIT", "ECHO [%V%]>OUT.TXT", "SET>SET.TXT"]
    while world.screen.typed:
        world.shell.execute(world.screen.readline())
    assert b"V=1" not in world.get("SET.TXT")


@pytest.mark.parametrize("answer", ["Y", "n"])
def test_del_all_asks(answer: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("SUB\\A", b"a")
    world.screen.typed = ["", answer]
    world.shell.execute("DEL SUB")
    assert world.disk.exists("C:\\T\\SUB\\A") is (answer == "n")


# -- faults --------------------------------------------------------------------------------------


def test_the_step_hook_sees_each_line_and_can_stop_the_machine(tmp_path: Path) -> None:
    seen: list[str] = []

    def step(line: str) -> None:
        seen.append(line)
        if line.startswith("ECHO b"):
            raise KeyboardInterrupt

    world = World(tmp_path, step=step)
    files(world, "IF a==a ECHO a>>OUT.TXT\nECHO b>>OUT.TXT\n", {})
    with pytest.raises(KeyboardInterrupt):
        world.shell.execute("CASE")
    assert seen[:2] == ["CASE", "ECHO OFF"]
    assert seen[-2:] == ["ECHO a", "ECHO b>>OUT.TXT"]
    assert output(world) == "a"


def test_a_full_disk_stops_the_command_not_the_batch_file(tmp_path: Path) -> None:
    world = World(tmp_path)
    files(world, "COPY /B BIG+BIG BIG2\nIF NOT EXIST BIG2 ECHO gone\n", {})
    world.put("BIG", bytes(50_000))
    world.disk.leave_free(60_000)
    world.shell.execute("CASE")
    assert "Insufficient disk space" in world.screen.text
    assert "gone" in world.screen.text


@pytest.mark.parametrize("dialect", [WIN98, DOS400])
def test_a_search_sees_what_is_made_meanwhile_as_fat_does(dialect: object, tmp_path: Path) -> None:
    world = World(tmp_path, dialect=dialect)  # type: ignore[arg-type]
    line = "FOR %%V IN (*.DAT) DO IF NOT EXIST XXA.DAT COPY %%V X%%V\n"
    files(world, line, {"A.DAT": "a"})
    world.shell.execute("CASE")
    assert world.disk.exists("C:\\T\\XXA.DAT")


def test_ctty_nul_hides_everything_until_ctty_con(tmp_path: Path) -> None:
    world = World(tmp_path)
    lines = ["@ECHO OFF", "CTTY NUL", "ECHO hidden", "NOSUCH", "CTTY CON", "ECHO seen"]
    world.put("CASE.BAT", "".join(f"{line}\r\n" for line in lines).encode())
    assert world.shell.execute("CASE") is End.PROMPT
    assert "hidden" not in world.screen.text
    assert "Bad command" not in world.screen.text
    assert "seen" in world.screen.text


def test_ctty_nul_without_ctty_con_is_the_end(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("CASE.BAT", b"CTTY NUL\r\n")
    with pytest.raises(ShellHang, match="nobody can type"):
        world.shell.execute("CASE")
