"""The FTP server over real sockets: logins, transfers, refusals, and everything that cuts them."""

from __future__ import annotations

import io

import pytest

from deployer import events


def fetch(ftp, name):
    got = io.BytesIO()
    ftp.retrbinary(f"RETR {name}", got.write)
    return got.getvalue()


@pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])
def test_a_part_is_its_slice_of_the_file(serve, passive):
    served = serve()
    with served.client(passive=passive) as ftp:
        assert fetch(ftp, "STORI260.002") == served.model.read_bytes()[150_000:]
        assert fetch(ftp, "STORI260.001") == served.model.read_bytes()[:150_000]
    served.all_gone()
    kinds = [type(event).__name__ for event in served.events if event.at]
    assert kinds == [
        "ClientConnected",
        "LoginAccepted",
        "TransferStarted",
        "TransferDone",
        "TransferStarted",
        "TransferDone",
        "ClientGone",
    ]
    done = served.wait(events.TransferDone)
    assert (done.deployment, done.peer, done.name, done.length) == (
        "D7F3A21C",
        "127.0.0.1",
        "STORI260.001",
        150_000,
    )


@pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])
def test_a_report_lands_complete_in_the_inbox(serve, passive):
    served = serve()
    report = b"deployer-result=1\r\n\n\r\x1a\xff"
    with served.client(passive=passive) as ftp:
        ftp.sendcmd("TYPE A")
        with ftp.transfercmd("STOR result.txt") as data:
            data.sendall(report)
        assert ftp.voidresp() == "226 Transfer complete."
    told = served.wait(events.UploadReceived)
    assert (told.name, told.length) == ("RESULT.TXT", len(report))
    path = served.inbox / "D7F3A21C" / "RESULT.TXT"
    assert (told.path, path.read_bytes()) == (str(path), report)
    assert [entry.name for entry in path.parent.iterdir()] == ["RESULT.TXT"]


def test_names_are_listed_in_active_mode(serve):
    with serve().talk() as talk:
        replies, data = talk.fetch("NLST *.001")
        assert replies == [
            "150 Opening ASCII mode data connection for the listing.",
            "226 Transfer complete.",
        ]
        assert data == b"STORI260.001\r\n"


def test_a_program_never_leaves_in_ascii_mode(serve):
    served = serve()
    with served.talk() as talk:
        replies, data = talk.fetch("RETR DEPLOY98.EXE")
        assert data == b""
        assert replies == ["550 DEPLOY98.EXE is not text. Type binary first, then get it again."]
        assert talk.say("NOOP") == "200 Here."
    assert served.wait(events.AsciiRefused).name == "DEPLOY98.EXE"
