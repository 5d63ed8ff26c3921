"""GO.BAT: what it says, and that lint and the documentation agree with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deployer.core.lint import check
from deployer.core.target import ftpscript, gobat
from deployer.errors import WrongUse
from docs.generate import gobat as generated
from docs.generate.gobat import sample

DIRECTORY = r"C:\DEPLOY"


def test_the_documentation_is_the_generators(root: Path) -> None:
    page = (root / "docs" / "go-bat.md").read_text(encoding="utf-8")
    assert page == generated.page(sample(), DIRECTORY), (
        "run: python -m docs.generate.gobat > docs/go-bat.md"
    )


@pytest.mark.parametrize(
    "directory", [DIRECTORY, r"D:\A\B\C", "C:\\" + "\\".join(["LONGNAME"] * 6)]
)
@pytest.mark.parametrize("run", ["", "RUN.EXE"])
@pytest.mark.parametrize("offline", [False, True])
def test_every_variant_passes_lint(directory: str, run: str, offline: bool) -> None:
    data = gobat.render(sample(run), directory, offline=offline)
    assert not check.check(data, name="GO.BAT")
    assert data.endswith(b"PAUSE\r\n")
    assert data.isascii()


def test_lint_is_asked_at_run_time() -> None:
    shouting = replace(sample(), host="1" * 130)
    with pytest.raises(RuntimeError, match="mistake"):
        gobat.render(shouting, DIRECTORY)


def test_a_script_for_ftp_exe_that_lint_refuses_is_never_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ascii_mode = ("open 192.168.1.1", "user D7F3A21C abc", "get D7F3A21C.MAN", "bye")
    monkeypatch.setattr(ftpscript, "first", lambda *_words: ascii_mode)
    with pytest.raises(RuntimeError, match=r"FIRST\.FTP has a mistake.*before binary"):
        gobat.render(sample(), DIRECTORY)


def test_offline_never_calls_ftp() -> None:
    assert b"FTP" not in gobat.render(sample(), DIRECTORY, offline=True)


def test_every_goto_has_its_label() -> None:
    text = gobat.render(sample(), DIRECTORY).decode("ascii")
    labels = {line[1:] for line in text.splitlines() if line.startswith(":")}
    jumps = {line.rpartition("GOTO ")[2] for line in text.splitlines() if "GOTO " in line}
    assert jumps <= labels
    assert labels <= jumps


@pytest.mark.parametrize(
    ("text", "directory"),
    [
        ("c:\\deploy", r"C:\DEPLOY"),
        ("D:\\Games\\New\\", r"D:\GAMES\NEW"),
        ("C:\\progra~1\\game", r"C:\PROGRA~1\GAME"),
        ("c:\\Program Files\\My Game", r"C:\Program Files\My Game"),
        ("C:/Grüße/a+b", r"C:\Grüße\a+b"),
    ],
)
def test_directories(text: str, directory: str) -> None:
    assert gobat.parse_directory(text) == directory


@pytest.mark.parametrize(
    "text",
    ["", "C:", "C:\\", "DEPLOY", "\\DEPLOY", "C:\\A?B", "C:\\A.", "C:\\..", "C:\\CON",
     "C:\\\\A", "/tmp/x", "C:\\" + "\\".join(["LONGNAME"] * 20)],
)  # fmt: skip
def test_what_is_no_directory_for_a_target(text: str) -> None:
    with pytest.raises(WrongUse):
        gobat.parse_directory(text)


def test_scripts_keep_the_rules_of_ftp_exe() -> None:
    lines = ftpscript.report("192.168.1.1", "D7F3A21C", "abc", ["RESULT.TXT"], "GOTIT.TXT")
    assert lines == (
        "open 192.168.1.1",
        "user D7F3A21C abc",
        "binary",
        "put RESULT.TXT",
        "get GOTIT.TXT",
        "bye",
    )
    data = "".join(line + "\r\n" for line in lines).encode("ascii")
    assert not check.check_ftp_script(data)
