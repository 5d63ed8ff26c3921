"""GO.BAT: what it says, and that lint and the documentation agree with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deployer.core.lint import check
from deployer.core.payload import plan
from deployer.core.target import ftpscript, gobat, names
from deployer.errors import WrongUse
from deployer.model import Manifest, Payload, StagedFile

SHA = "778bd831330485ba061cbd5f370063b37ac22b0ab27cfc7a86713ed5ad6fd5e3"
DIRECTORY = r"C:\DEPLOY"


def sample(run: str = "LLAMA98.EXE CAMPF260.BIN -z CAMPFIRE.BIN") -> Manifest:
    """A manifest such as the demo's, with an identity that never changes."""
    short = names.assign(["campfire260K.bin"])[0]
    parts = plan.parts_of(short, 1072924, 4 << 20, [0x8C3A11F0])
    file = StagedFile("", short.name, "campfire260K.bin", 1072924, SHA, parts, 0)
    return Manifest("D7F3A21C", "192.168.1.1", "D7F3A21C", "k3v8mq2xwp", Payload((file,), run))


def test_the_documentation_is_the_generators(root: Path) -> None:
    page = (root / "docs" / "go-bat.md").read_text(encoding="utf-8")
    assert page == gobat.render_docs(sample(), DIRECTORY), (
        "run: python tests/core/target/test_gobat.py"
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


def test_offline_never_calls_ftp() -> None:
    assert b"FTP" not in gobat.render(sample(), DIRECTORY, offline=True)


def test_every_goto_has_its_label() -> None:
    text = gobat.render(sample(), DIRECTORY).decode("ascii")
    labels = {line[1:] for line in text.splitlines() if line.startswith(":")}
    jumps = {line.rpartition("GOTO ")[2] for line in text.splitlines() if "GOTO " in line}
    assert jumps <= labels
    assert labels <= jumps


@pytest.mark.parametrize(
    ("text", "directory"), [("c:\\deploy", r"C:\DEPLOY"), ("D:\\Games\\New\\", r"D:\GAMES\NEW")]
)
def test_directories(text: str, directory: str) -> None:
    assert gobat.parse_directory(text) == directory


@pytest.mark.parametrize(
    "text",
    ["", "C:", "C:\\", "DEPLOY", "\\DEPLOY", "C:\\LONGDIRNAME", "C:\\A B", "C:\\..", "C:\\CON",
     "C:\\A;B", "/tmp/x", "C:\\" + "\\".join(["LONGNAME"] * 8)],
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


if __name__ == "__main__":
    Path("docs/go-bat.md").write_text(gobat.render_docs(sample(), DIRECTORY), encoding="utf-8")
