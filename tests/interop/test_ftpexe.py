"""What somebody types at FTP.EXE of Windows 98, one thing after the other, against our server."""

from __future__ import annotations

import pytest

from deployer import events
from tests.sim.test_ftpexe import HOST, Pc

USER, TOKEN = "D7F3A21C", "secret77"
NO_TEXT = "is not text. Type binary first, then get it again."


@pytest.fixture
def typed(serve, tmp_path):
    """Logs in, types lines, says bye; what was on the screen, the disk, the server."""
    served = serve()
    pc = Pc(tmp_path / "c", ("127.0.0.1", served.port))
    pc.disk.write_bytes("C:\\RESULT.TXT", b"a\r\nb\n\x1a")

    def play(*lines: str):
        said = pc.script(f"open {HOST}", f"user {USER} {TOKEN}", *lines, "bye")
        assert said.endswith("221 Goodbye.\r\n")
        return said, pc.disk, served

    return play


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["ls"], "STORI260.001\r\n"),
        (["dir"], "-r--r--r--   1 deployer deployer       150000 "),
        (["ls *.bat"], "\r\nGO.BAT\r\n226"),
        (["dir SUB\\*.*"], "SUB\\INNER.BIN\r\n"),
        (["cd sub", "pwd"], '257 "/SUB"'),
        (["cd \\SUB", "cd ..", "pwd"], '257 "/" '),
        (["cd NONE", "pwd"], '257 "/" '),
        (["get DEPLOY98.EXE"], NO_TEXT),
        (["append RESULT.TXT"], "550 Files here cannot be appended to"),
        (["delete GO.BAT"], "550 Nothing on this server can be changed"),
        (["mkdir X"], "550 Nothing on this server can be changed"),
        (["rename GO.BAT B.BAT"], "550 Nothing on this server can be changed"),
        (["put RESULT.TXT AUTOEXEC.BAT"], "553 AUTOEXEC.BAT may not be stored here"),
        (["remotehelp retr"], "214 RETR name: get a file"),
        (["remotehelp"], "214 USER PASS"),
        (["quote NOOP"], "200 Here."),
        (["literal STAT"], "211 Logged in as D7F3A21C, type ASCII"),
        (["ls NONE"], "550 There is no file or directory NONE here."),
        ([f"user {USER} wrong", "ls"], "530 Log in first"),
    ],
)
def test_a_line_shows(typed, lines, shown):
    assert shown in typed(*lines)[0]


@pytest.mark.parametrize("before", [[], ["quote PASV"], ["quote REIN", f"user {USER} {TOKEN}"]])
def test_get_brings_the_bytes(typed, before):
    _said, disk, served = typed(*before, "binary", "get STORI260.002 P.A02")
    assert disk.read_bytes("C:\\P.A02") == served.model.read_bytes()[150_000:]


def test_get_takes_a_long_name_in_quotes(typed):
    _said, disk, served = typed("binary", 'get "stories.part two" P.A02')
    assert disk.read_bytes("C:\\P.A02") == served.model.read_bytes()[150_000:]


def test_mget_brings_all_parts(typed):
    _said, disk, served = typed("binary", "mget stori260.*")
    parts = [disk.read_bytes(f"C:\\STORI260.00{n}") for n in (1, 2)]
    assert b"".join(parts) == served.model.read_bytes()


def test_mget_in_ascii_mode_brings_texts_and_no_damaged_program(typed):
    said, disk, served = typed("mget *.*")
    assert said.count(NO_TEXT) == 3
    assert disk.read_bytes("C:\\GO.BAT") == b"@ECHO OFF\r\nECHO hello\r\n"
    assert disk.stat("C:\\DEPLOY98.EXE").size == 0
    assert len(served.told(events.AsciiRefused)) == 3


@pytest.mark.parametrize("mode", ["ascii", "binary"])
def test_put_sends_a_report_as_it_is(typed, mode):
    _said, _disk, served = typed(mode, "put RESULT.TXT")
    assert (served.inbox / USER / "RESULT.TXT").read_bytes() == b"a\r\nb\n\x1a"
