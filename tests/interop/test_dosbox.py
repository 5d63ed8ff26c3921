"""The simulated COMMAND.COM and DOSBox, side by side: the same batch files leave the same files.

DOSBox is a second opinion for what it has: IF, GOTO, CALL, SHIFT, SET, redirection, COPY /B, file
commands, and real 8086 code behind an exit code. It has no FOR, and is no judge of the odd corners.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
from pathlib import Path

import pytest

from tests import needs
from tests.doscase import RC, TAIL, World

SECONDS, BYTES = 240, 1 << 20
SAY = "@ECHO %0 %1 %2.>>OUT.TXT\n"

#: name (also the directory in DOSBox), lines behind @ECHO OFF, further files.
CASES: list[tuple[str, str, dict[str, str]]] = [
    ("PARAMS", "ECHO %1-%2-%3-%10>>OUT.TXT\nECHO %0>>OUT.TXT\n", {}),
    ("SHIFT", "SHIFT\nECHO %1>>OUT.TXT\nSHIFT\nECHO [%1]>>OUT.TXT\n", {}),
    ("PERCENT", "ECHO 100%%>>OUT.TXT\n", {}),
    ("VARIABLE", "SET V=x y\nECHO [%V%][%NOSUCH%]>>OUT.TXT\nSET V=\nECHO [%V%]>>OUT.TXT\n", {}),
    ("IFSTRING", 'IF "%1"=="a" ECHO a>>OUT.TXT\nIF NOT "%1"=="A" ECHO not A>>OUT.TXT\n', {}),
    ("IFEMPTY", 'IF "%9"=="" ECHO none>>OUT.TXT\nIF NOT "%1"=="" ECHO one>>OUT.TXT\n', {}),
    ("IFEXIST", "IF EXIST CASE.BAT ECHO y>>OUT.TXT\nIF NOT EXIST NO ECHO n>>OUT.TXT\n", {}),
    ("IFWILD", "IF EXIST *.DAT ECHO y>>OUT.TXT\nIF EXIST *.NO ECHO n>>OUT.TXT\n", {"A.DAT": ""}),
    ("IFIF", "IF a==a IF NOT b==c ECHO y>>OUT.TXT\n", {}),
    (
        "ERRORLEV",
        "RC 3\nIF ERRORLEVEL 4 GOTO D\nIF ERRORLEVEL 3 GOTO C\nGOTO D\n:C\nECHO 3>>OUT.TXT\n:D\n",
        {},
    ),
    ("ERRORBYT", "RC 256\nIF NOT ERRORLEVEL 1 ECHO 0>>OUT.TXT\n", {}),
    ("GOTO", "GOTO b\n:A\nECHO a>>OUT.TXT\nGOTO E\n:B\nECHO b>>OUT.TXT\nGOTO A\n:E\n", {}),
    (
        "RETRY",
        ":L\nIF EXIST T2 GOTO E\nIF EXIST T1 ECHO x>T2\nECHO x>T1\nECHO try>>OUT.TXT\nGOTO L\n:E\n"
        "DEL T1\nDEL T2\n",
        {},
    ),
    ("CALL", "CALL SAY 1 2\nECHO back %1>>OUT.TXT\n", {"SAY.BAT": SAY}),
    ("CALLDEEP", "CALL S1 x\nECHO end>>OUT.TXT\n", {"S1.BAT": "@CALL SAY %1\n", "SAY.BAT": SAY}),
    ("CHAIN", "SAY 1\nECHO never>>OUT.TXT\n", {"SAY.BAT": SAY}),
    ("CALLSET", "CALL S1\nECHO %V%>>OUT.TXT\n", {"S1.BAT": "@SET V=1\n"}),
    ("TAIL", "TAIL  a b>>OUT.TXT\n", {}),
    ("REDIRECT", "ECHO a>OUT.TXT\nECHO b>OUT.TXT\nECHO c>>OUT.TXT\n", {}),
    ("COPYB", "COPY /B A+B C\n", {"A": "1\x1a2", "B": "3"}),
    ("COPYTHRE", "COPY /B A+B+A C\n", {"A": "1", "B": "2"}),
    ("COPYTO", "MD S\nCOPY A S\nCOPY A S\\B\n", {"A": "1"}),
    ("COPYWILD", "MD S\nCOPY *.DAT S\n", {"A.DAT": "1", "B.DAT": "2"}),
    ("RENAME", "REN A B\nREN C.TXT C.DAT\n", {"A": "1", "C.TXT": "2"}),
    ("DELETE", "DEL *.DAT\nDEL A\n", {"A": "", "B.DAT": "", "C.TXT": ""}),
    ("DIRS", "MD S\nCD S\nECHO x>F\nCD ..\nMD T\nRD T\n", {}),
    ("TYPE", "TYPE A>>OUT.TXT\nTYPE A>>OUT.TXT\n", {"A": "one\ntwo\n"}),
    ("ECHODOT", "ECHO.>>OUT.TXT\nECHO.x>>OUT.TXT\n", {}),
    ("REMARK", "REM a b\nECHO x>>OUT.TXT\n", {}),
    ("UNKNOWN", "NOSUCH\nECHO x>>OUT.TXT\n", {}),
]

_DECIDED = json.loads(
    (Path(__file__).parents[1] / "data" / "decided-cases" / "cases.json").read_text("ascii")
)


def content(lines: str, more: dict[str, str]) -> dict[str, bytes]:
    """The files of a case."""
    texts = {"CASE.BAT": "@ECHO OFF\n" + lines, **more}
    return {name: text.replace("\n", "\r\n").encode("cp437") for name, text in texts.items()}


#: Where it runs in DOSBox -> the line that is typed, the files before: those above, and those of
#: tests/data/decided-cases about which DOSBox thinks the same.
ALL: dict[str, tuple[str, dict[str, bytes]]] = {
    name: ("CASE a b", content(lines, more)) for name, lines, more in CASES
} | {
    f"MORE{number}": (
        case["run"],
        {file: text.encode("cp437") for file, text in case["files"].items()},
    )
    for number, case in enumerate(_DECIDED.values())
    if case.get("dosbox")
}


@pytest.fixture(scope="module")
def dosbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that DOSBox had as C:, with each case run in a directory of its own."""
    needs.require("dosbox")
    root = tmp_path_factory.mktemp("dosbox")
    (root / "TOOLS").mkdir()
    (root / "TOOLS" / "RC.COM").write_bytes(bytes.fromhex(RC))
    (root / "TOOLS" / "TAIL.COM").write_bytes(bytes.fromhex(TAIL))
    script = ["@ECHO OFF", "SET PATH=Z:\\;C:\\TOOLS"]
    for name, (line, files) in ALL.items():
        (root / name).mkdir()
        for file, data in files.items():
            path = root / name / file.replace("\\", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        script += [f"CD \\{name}", *(f"SET {v}=" for v in "ABV"), f"CALL {line}"]
    (root / "ALL.BAT").write_bytes("\r\n".join([*script, "CD \\", ""]).encode())
    play(root)
    return root


def play(root: Path) -> None:
    """Run ALL.BAT in DOSBox, without a screen, with limits on time and on the size of files."""
    run(root, [f"MOUNT C {root}", "C:", "CALL ALL"])


def run(root: Path, commands: list[str]) -> None:
    """Have DOSBox carry out commands, with those limits."""
    typed = [word for command in (*commands, "EXIT") for word in ("-c", command)]
    subprocess.run(
        ["dosbox", "-noconsole", "-noautoexec", *typed],
        env={**os.environ, "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy",
             "HOME": str(root.parent)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=SECONDS, check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, BYTES)),
    )  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_both_leave_the_same_files(name: str, dosbox: Path, tmp_path: Path) -> None:
    line, files = ALL[name]
    world = World(tmp_path)
    for file, data in files.items():
        world.put(file, data)
    world.shell.execute(line)
    played = {k: v for k, v in world.snapshot().items() if not k.startswith(("C:", "D:"))}
    there = dosbox / name
    found = {
        str(path.relative_to(there)).replace("/", "\\"): None
        if path.is_dir()
        else path.read_bytes()
        for path in there.rglob("*")
    }
    assert played == found
