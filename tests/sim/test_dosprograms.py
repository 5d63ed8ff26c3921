"""CHOICE, FIND and the other small programs: what they print and their exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.sim.disk import Attribute, Disk
from deployer.sim.programs import PROGRAMS, Call

WRONG_DEFAULT = "Timeout default not in specified (or default) choices."
WRONG_TIME = "Incorrect timeout syntax.  Expected form Tc,nn or T:c,nn"
BY_NAME = {path.rpartition("\\")[2].partition(".")[0]: call for path, call in PROGRAMS.items()}


class Prompt:
    """Starts one program on a disk with two files."""

    def __init__(self, root: Path) -> None:
        self.disk = Disk(root)
        self.disk.write_bytes("C:\\LOG.TXT", b"226 Done\r\nerror\r\n226 again\r\n\x1ajunk 226")
        self.waited: list[float] = []

    def run(self, line: str, piped: bytes | None = None, typed: bytes = b"") -> tuple[int, str]:
        name, _, tail = line.partition(" ")
        out = bytearray()
        queue = [piped] if piped is not None else []
        keys = [typed] if typed else []
        call = Call(
            tail=tail, disk=self.disk, cwd="C:\\", stdout=out.extend,
            keyboard=lambda: keys.pop() if keys else b"",
            stdin=(lambda n: queue.pop() if queue else b"") if piped is not None else None,
            wait=self.waited.append, ping=lambda host: host == "192.168.1.1",
        )  # fmt: skip
        code = BY_NAME[name](call)
        return code, out.decode("cp437")


@pytest.fixture
def prompt(tmp_path: Path) -> Prompt:
    return Prompt(tmp_path)


@pytest.mark.parametrize(
    ("line", "piped", "code", "shown"),
    [
        ("CHOICE", b"y\r\n", 1, "[Y,N]?Y\r\n"),
        ("CHOICE Go on", b"n", 2, "Go on[Y,N]?N\r\n"),
        ("CHOICE /C:ABC /N Which?", b"xxc", 3, "Which?C\r\n"),
        ("CHOICE /CAB /S", b"ABb", 1, "[A,B]?A\r\n"),
        ("CHOICE /C:X /N /T:X,5", b"", 1, "X\r\n"),
        ("CHOICE /C:AB", b"", 255, "[A,B]?\r\n"),
        ("CHOICE /T:X,5", b"", 255, f"CHOICE: {WRONG_DEFAULT}\r\n"),
        ("CHOICE /Q", b"", 255, "CHOICE: Invalid switch on command line.\r\n"),
        ("CHOICE /T5", b"", 255, f"CHOICE: {WRONG_TIME}\r\n"),
        ('FIND "226"', b"226 a\r\nb\r\n", 0, "226 a\r\n"),
        ('FIND "none"', b"226 a\r\n", 1, ""),
        ('FIND /I "DONE" LOG.TXT', None, 0, "\r\n---------- LOG.TXT\r\n226 Done\r\n"),
        ('FIND /C "226" log.txt', None, 0, "\r\n---------- LOG.TXT: 2\r\n"),
        ('FIND /V /N "226" LOG.TXT', None, 0, "\r\n---------- LOG.TXT\r\n[2]error\r\n"),
        ('FIND "junk" LOG.TXT', None, 1, "\r\n---------- LOG.TXT\r\n"),
        ('FIND "x" NONE.TXT', None, 2, "File not found - NONE.TXT\r\n"),
        ("FIND x LOG.TXT", None, 2, "FIND: Parameter format not correct\r\n"),
        ("SORT", b"b\r\nA\r\nc\r\n", 0, "A\r\nb\r\nc\r\n"),
        ("SORT /R", b"b\r\nA\r\n", 0, "b\r\nA\r\n"),
        ("SORT /+2", b"a2\r\nb1\r\n", 0, "b1\r\na2\r\n"),
        ("MORE", b"one\r\ntwo", 0, "\r\none\r\ntwo"),
        ("MORE", b"a\r\n" * 24 + b"b", 0, "\r\n" + "a\r\n" * 24 + "-- More --\r\n\r\nb"),
        ("SORT", b"", 0, "\r\n"),
        ("SORT", b"b\x82\r\n\r\nbf\r\n", 0, "\r\nbé\r\nbf\r\n"),
        ("SORT /+2", b"a2\r\nb\r\n", 0, "b\r\na2\r\n"),
        ("ATTRIB LOG.TXT", None, 0, "  A          C:\\LOG.TXT\r\n"),
        ("ATTRIB NONE", None, 1, "File not found - NONE\r\n"),
        ("ATTRIB +X LOG.TXT", None, 1, "Parameter format not correct\r\n"),
    ],
)  # fmt: skip
def test_a_line_gives(prompt: Prompt, line: str, piped: bytes, code: int, shown: str) -> None:
    assert prompt.run(line, piped) == (code, shown)


def test_choice_waits_before_it_takes_the_default(prompt: Prompt) -> None:
    assert prompt.run("CHOICE /C:AX /N /T:X,5") == (2, "X\r\n")
    assert prompt.waited == [5]


def test_choice_takes_a_typed_key(prompt: Prompt) -> None:
    assert prompt.run("CHOICE /N", typed=b"n\r\n") == (2, "N\r\n")


def test_attrib_sets(prompt: Prompt) -> None:
    assert prompt.run("ATTRIB +R -A LOG.TXT")[0] == 0
    assert prompt.disk.stat("C:\\LOG.TXT").attributes == Attribute.READ_ONLY


@pytest.mark.parametrize(
    ("host", "code"), [("192.168.1.1", 0), ("192.168.1.9", 1), ("127.0.0.1", 0)]
)
def test_ping_tells_whether_a_number_answers(prompt: Prompt, host: str, code: int) -> None:
    assert prompt.run(f"PING -n 2 {host}")[0] == code
    assert prompt.waited == [1]


@pytest.fixture
def tree(prompt: Prompt) -> Prompt:
    prompt.disk.mkdir("C:\\IN")
    prompt.disk.mkdir("C:\\IN\\SUB")
    prompt.disk.mkdir("C:\\IN\\EMPTY")
    for name in ("A.TXT", "B.DAT", "SUB\\C.TXT"):
        prompt.disk.write_bytes(f"C:\\IN\\{name}", name.encode())
    return prompt


@pytest.mark.parametrize(
    ("line", "code", "there", "gone"),
    [
        ("MOVE IN\\A.TXT IN\\SUB", 0, "IN\\SUB\\A.TXT", "IN\\A.TXT"),
        ("MOVE IN\\A.TXT,IN\\B.DAT IN\\SUB", 0, "IN\\SUB\\B.DAT", "IN\\B.DAT"),
        ("MOVE IN NEW", 0, "NEW\\SUB\\C.TXT", "IN"),
        ('MOVE IN\\A.TXT "long name.txt"', 0, "long name.txt", "IN\\A.TXT"),
        ("MOVE IN\\A.TXT IN\\B.DAT", 1, "IN\\A.TXT", ""),
        ("MOVE /Y IN\\A.TXT IN\\B.DAT", 0, "IN\\B.DAT", "IN\\A.TXT"),
        ("MOVE NONE IN", 1, "IN", "IN\\NONE"),
        ("MOVE IN\\*.* NEW", 1, "IN\\A.TXT", "NEW"),
        ("XCOPY IN\\*.TXT OUT\\", 0, "OUT\\A.TXT", "OUT\\SUB"),
        ("XCOPY IN OUT /S/I", 0, "OUT\\SUB\\C.TXT", "OUT\\EMPTY"),
        ("XCOPY IN OUT /E /I /Q", 0, "OUT\\EMPTY", ""),
        ("XCOPY IN OUT", 4, "IN\\A.TXT", "OUT"),
        ("XCOPY IN IN\\SUB /S", 4, "IN\\A.TXT", "IN\\SUB\\SUB"),
        ("XCOPY IN\\A.TXT IN\\SUB /D", 4, "IN\\A.TXT", "IN\\SUB\\A.TXT"),
        ("XCOPY NONE.* IN", 1, "IN", "IN\\NONE"),
        ("DELTREE /Y IN", 0, "LOG.TXT", "IN"),
        ("DELTREE /Y IN\\A.* IN\\SUB", 0, "IN\\B.DAT", "IN\\SUB"),
        ("DELTREE IN", 1, "IN\\A.TXT", ""),
    ],
)
def test_files_are_moved_copied_removed(
    tree: Prompt, line: str, code: int, there: str, gone: str
) -> None:
    assert tree.run(line)[0] == code
    assert tree.disk.exists(f"C:\\{there}")
    assert not gone or not tree.disk.exists(f"C:\\{gone}")


@pytest.mark.parametrize(
    ("first", "second", "switch", "shown"),
    [
        (b"a\r\n", b"a\r\n", "", "FC: no differences encountered\r\n\r\n"),
        (b"abc", b"aXcd", "/B", "00000001: 62 58\r\nFC: B longer than A\r\n\r\n"),
        (b"\0a", b"\0", "", "FC: A longer than B\r\n\r\n"),
        (
            b"1\r\n2\r\n3\r\n4\r\n", b"1\r\n2\r\nx\r\n4\r\n", "",
            "***** A\r\n2\r\n3\r\n4\r\n***** B\r\n2\r\nx\r\n4\r\n*****\r\n\r\n",
        ),
    ],
)  # fmt: skip
def test_fc_compares(prompt: Prompt, first: bytes, second: bytes, switch: str, shown: str) -> None:
    prompt.disk.write_bytes("C:\\A", first)
    prompt.disk.write_bytes("C:\\B", second)
    assert prompt.run(f"FC {switch} a b") == (0, "Comparing files A and B\r\n" + shown)


def test_fc_without_a_file_says_so(prompt: Prompt) -> None:
    assert prompt.run("FC A NONE")[1].startswith("FC: cannot open A")
