"""What cuts a transfer or a session short, over real sockets: each fault is told."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time

import pytest

from deployer import events
from deployer.edge.files import stamp_of
from deployer.edge.ftp.server import FtpLimits
from deployer.model import Blob, Entry, Share, Slice

MIB = 1 << 20


def big_part(tmp_path, length=64 * MIB):
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(MIB) * (length // MIB))
    now = path.stat()
    return path, Entry("BIG.001", Slice(str(path), 0, length, stamp_of(now)))


def begin(talk, command, receive_buffer=0):
    """Start a transfer in active mode and return its data connection."""
    talk.say("TYPE I")
    door = socket.socket()
    if receive_buffer:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    door.bind(("127.0.0.1", 0))
    door.listen(1)
    door.settimeout(10)
    port = door.getsockname()[1]
    assert talk.say(f"PORT 127,0,0,1,{port >> 8},{port & 255}")[:3] == "200"
    assert talk.say(command)[:3] == "150"
    data, _ = door.accept()
    door.close()
    data.settimeout(10)
    return data


def drain(sock):
    """Read to the end and return how many bytes came."""
    got = 0
    while piece := sock.recv(MIB):
        got += len(piece)
    return got


def reset(sock):
    """Close as a machine that lost its power and came back: with a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# --- the source changes --------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["longer", "shorter", "touched", "directory", "pipe"])
def test_a_source_that_changed_before_is_not_served(serve, change):
    served = serve()
    match change:
        case "longer":
            with served.model.open("ab") as file:
                file.write(b"x")
        case "shorter":
            os.truncate(served.model, 299_999)
        case "touched":
            os.utime(served.model, ns=(1, 1))
        case "directory":
            served.model.unlink()
            served.model.mkdir()
        case "pipe":
            served.model.unlink()
            os.mkfifo(served.model)
    with served.talk() as talk:
        talk.say("TYPE I")
        replies, data = talk.fetch("RETR STORI260.001")
        assert data == b""
        assert replies == [
            "550 The file has changed on the host since it was measured; push it again there."
        ]
        assert talk.fetch("RETR GO.BAT")[1]
    assert served.wait(events.SourceChanged) == events.SourceChanged(
        served.wait(events.SourceChanged).at, "D7F3A21C", str(served.model)
    )
    assert [e.name for e in served.told(events.TransferStarted)] == ["GO.BAT"]


def test_a_source_that_is_gone(serve):
    served = serve()
    served.model.unlink()
    with served.talk() as talk:
        talk.say("TYPE I")
        replies, _ = talk.fetch("RETR STORI260.001")
        assert replies == ["550 The file cannot be read on the host any more; look there."]
    assert served.wait(events.SourceChanged).path == str(served.model)


@pytest.mark.parametrize("change", ["touched", "truncated", "rewritten"])
def test_a_source_that_changes_meanwhile_ends_in_an_error_for_the_client(serve, tmp_path, change):
    path, entry = big_part(tmp_path)
    served = serve(entry)
    with served.talk() as talk:
        data = begin(talk, "RETR BIG.001")
        data.recv(1000)
        match change:
            case "touched":
                os.utime(path, ns=(1, 1))
            case "truncated":
                os.truncate(path, 10 * MIB)
            case "rewritten":
                with path.open("r+b") as file:
                    file.seek(60 * MIB)
                    file.write(b"other bytes")
        with pytest.raises(ConnectionResetError):
            drain(data)
        assert talk.line()[:3] == "550"
        assert talk.say("NOOP") == "200 Here."
    assert served.wait(events.SourceChanged).path == str(path)
    cut = served.wait(events.TransferCut)
    assert (cut.name, cut.length, cut.why) == (
        "BIG.001",
        64 * MIB,
        "the file changed on this computer",
    )
    assert not served.told(events.TransferDone)


# --- the client goes away or stands still --------------------------------------------------------


@pytest.mark.parametrize("how", ["reset", "closed"])
def test_a_client_that_breaks_the_data_connection(serve, tmp_path, how):
    _, entry = big_part(tmp_path)
    served = serve(entry)
    with served.talk() as talk:
        data = begin(talk, "RETR BIG.001")
        data.recv(1000)
        reset(data) if how == "reset" else data.close()
        assert talk.line() == "426 The transfer was cut off."
        assert talk.fetch("RETR GO.BAT")[1]
    cut = served.wait(events.TransferCut)
    assert cut.name == "BIG.001"
    assert 0 < cut.moved < cut.length


def test_a_client_that_takes_all_but_the_last_bytes_is_not_done(serve):
    served = serve()
    with served.talk() as talk:
        data = begin(talk, "RETR STORI260.001", receive_buffer=4096)
        data.recv(1000)
        data.close()  # unread bytes remain, so the system resets the connection
        assert talk.line()[:3] == "426"
    assert served.wait(events.TransferCut).name == "STORI260.001"
    assert not served.told(events.TransferDone)


def test_a_client_that_vanishes_with_both_connections(serve, tmp_path):
    _, entry = big_part(tmp_path)
    served = serve(entry)
    talk = served.talk()
    data = begin(talk, "RETR BIG.001")
    reset(talk.sock)
    cut = served.wait(events.TransferCut)
    assert cut.why == "the control connection ended"
    data.close()
    served.all_gone()
    with served.talk() as other:
        assert other.fetch("RETR GO.BAT")[1]


def test_a_download_that_stands_still_loses_both_connections(serve, tmp_path):
    _, entry = big_part(tmp_path)
    served = serve(entry, limits=FtpLimits(stall=0.4))
    with served.talk() as talk:
        began = time.monotonic()
        data = begin(talk, "RETR BIG.001")
        assert talk.line() == "421 No data moved for too long; the connection is closed."
        assert time.monotonic() - began > 0.4
        assert talk.line() == ""
        assert drain(data) < 64 * MIB  # what was under way, then an end, not a wait for ever
    assert served.wait(events.TransferCut).why == "no data moved for 0.4 s"
    assert not served.told(events.TransferDone)


def test_a_slow_download_is_no_standstill(serve, tmp_path):
    path, entry = big_part(tmp_path, 2 * MIB)
    served = serve(entry, limits=FtpLimits(stall=1.5))  # many times the pauses, half of the whole
    with served.talk() as talk:
        data = begin(talk, "RETR BIG.001", receive_buffer=16 << 10)
        pieces = []
        began = time.monotonic()
        while piece := data.recv(8 << 10):
            pieces.append(piece)
            if time.monotonic() - began < 3.0:
                threading.Event().wait(0.1)
        data.close()
        assert b"".join(pieces) == path.read_bytes()
        assert talk.line()[:3] == "226"


def test_an_upload_that_stands_still_is_cut_and_the_old_report_stays(serve):
    served = serve(limits=FtpLimits(stall=1.0))
    old = served.inbox / "D7F3A21C" / "RESULT.TXT"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"the old report")
    with served.talk() as talk:
        data = begin(talk, "STOR RESULT.TXT")
        data.sendall(b"half a rep")
        assert talk.line()[:3] == "421"
        assert data.recv(10) == b""
    cut = served.wait(events.TransferCut)
    assert (cut.name, cut.moved, cut.upload) == ("RESULT.TXT", 10, True)
    assert old.read_bytes() == b"the old report"
    assert [entry.name for entry in old.parent.iterdir()] == ["RESULT.TXT"]


def test_an_upload_cut_by_a_reset_leaves_the_old_report(serve):
    served = serve()
    with served.client() as ftp:
        with ftp.transfercmd("STOR RESULT.TXT") as data:
            data.sendall(b"whole")
        ftp.voidresp()
    with served.talk() as talk:
        data = begin(talk, "STOR RESULT.TXT")
        data.sendall(b"half a rep")
        reset(data)
        assert talk.line() == "426 The transfer was cut off."
    kept = served.inbox / "D7F3A21C"
    assert (kept / "RESULT.TXT").read_bytes() == b"whole"
    assert len(list(kept.iterdir())) == 1
    assert len(served.told(events.UploadReceived)) == 1


def test_abort_stops_a_transfer_and_the_session_goes_on(serve, tmp_path):
    _, entry = big_part(tmp_path)
    served = serve(entry)
    with served.talk() as talk:
        data = begin(talk, "RETR BIG.001")
        data.recv(1000)
        talk.send(b"\xff\xf4\xff")
        talk.sock.send(b"\xf2", socket.MSG_OOB)
        talk.send(b"ABOR\r\n")
        assert talk.line() == "426 The transfer was cut off."
        assert talk.line() == "226 The transfer was stopped."
        data.close()
        assert talk.fetch("RETR GO.BAT")[1]
    assert served.wait(events.TransferCut).why == "the client stopped it"


def test_a_client_that_sends_where_it_should_receive(serve):
    served = serve()
    with served.talk() as talk:
        data = begin(talk, "RETR GO.BAT")
        with pytest.raises(ConnectionError):
            data.sendall(bytes(64 * MIB))
        assert talk.line() in ("426 The transfer was cut off.", "226 Transfer complete.")


# --- uploads have bounds -------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "reply"), [(100, "226"), (101, "552"), (100_000, "552")])
def test_a_report_may_be_as_long_as_allowed_and_no_longer(serve, length, reply):
    served = serve()
    served.authorizer.share = Share("D7F3A21C", (), {"OUTPUT.TXT": 100})
    with served.talk() as talk:
        data = begin(talk, "STOR OUTPUT.TXT")
        try:
            data.sendall(bytes(length))
        except ConnectionError:
            assert length > 100
        data.close()
        assert talk.line()[:3] == reply
        assert talk.say("NOOP")[:3] == "200"
    kept = served.inbox / "D7F3A21C" / "OUTPUT.TXT"
    assert kept.exists() == (reply == "226")
    assert [e.name for e in kept.parent.iterdir()] == (["OUTPUT.TXT"] if reply == "226" else [])
    if reply == "552":
        assert served.wait(events.TransferCut).why == "more than 100 bytes"
    else:
        assert served.wait(events.UploadReceived).length == 100


@pytest.mark.parametrize("name", ["EVIL.EXE", "../RESULT.TXT.EXE", "C:\\RESULT.TXT", "GO.BAT"])
def test_only_reports_may_be_stored(serve, name):
    served = serve()
    with served.talk() as talk:
        replies, _ = talk.fetch(f"STOR {name}")
        assert replies[0].startswith("553 ")
    assert served.wait(events.CommandRefused).command == f"STOR {name}"
    assert not served.inbox.exists()


def test_an_inbox_that_cannot_be_written(serve):
    served = serve()
    served.inbox.write_bytes(b"a file where the directory should be")
    with served.talk() as talk:
        assert talk.fetch("STOR RESULT.TXT")[0] == [
            "451 The host could not keep the file; look there."
        ]
        assert talk.fetch("RETR GO.BAT")[1]


def test_a_share_with_unsafe_names_writes_nothing(serve, tmp_path):
    served = serve()
    for deployment, name in (("../..", "RESULT.TXT"), ("D7F3A21C", ".."), ("D7F3A21C", "A/B")):
        served.authorizer.share = Share(deployment, (), {name: 100})
        with served.talk() as talk:
            assert talk.fetch(f"STOR {name}")[0][0][:3] in ("451", "553")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["stories.bin"]


# --- data connections that do not come about -----------------------------------------------------


def test_a_port_that_nobody_listens_on(serve):
    with serve().talk() as talk:
        with socket.create_server(("127.0.0.1", 0)) as door:
            port = door.getsockname()[1]
        assert talk.say(f"PORT 127,0,0,1,{port >> 8},{port & 255}")[:3] == "200"
        assert talk.say("RETR GO.BAT")[:3] == "425"
        assert talk.fetch("RETR GO.BAT")[1]


def test_a_port_that_never_answers(serve):
    served = serve(limits=FtpLimits(connect=0.3))
    with served.talk() as talk, socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        fillers = []  # a full queue lets further calls wait unanswered
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(door.getsockname())
            fillers.append(filler)
        port = door.getsockname()[1]
        talk.say(f"PORT 127,0,0,1,{port >> 8},{port & 255}")
        assert talk.say("RETR GO.BAT") == (
            "425 No data connection came about; is a firewall in the way?"
        )
        assert talk.fetch("RETR GO.BAT")[1]
        for filler in fillers:
            filler.close()
    assert [e.name for e in served.told(events.TransferStarted)] == ["GO.BAT"]


def test_a_passive_port_that_nobody_comes_to(serve):
    served = serve(limits=FtpLimits(connect=0.3))
    with served.talk() as talk:
        talk.say("PASV")
        assert talk.say("RETR GO.BAT")[:3] == "150"
        assert talk.line()[:3] == "425"
        assert talk.fetch("RETR GO.BAT")[1]


def test_a_passive_client_that_is_gone_before_its_command(serve):
    served = serve()
    with served.talk() as talk:
        numbers = talk.say("PASV").split("(")[1].split(")")[0].split(",")
        data = socket.create_connection(("127.0.0.1", int(numbers[4]) * 256 + int(numbers[5])), 5)
        reset(data)
        talk.say("TYPE I")
        reply = talk.say("RETR STORI260.001")
        assert (talk.line() if reply.startswith("150") else reply)[:3] in ("425", "426")
        assert talk.fetch("RETR GO.BAT")[1]


# --- limits of sessions --------------------------------------------------------------------------


def test_more_connections_than_allowed(serve):
    served = serve(limits=FtpLimits(connections=3, kept=0))
    served.authorizer.awaited = ()
    address = ("127.0.0.1", served.port)
    with (
        served.talk(),
        served.talk(),
        served.talk(),
        socket.create_connection(address, 5) as fourth,
    ):
        assert fourth.recv(200) == b"421 Too many connections; try again later.\r\n"
        assert fourth.recv(200) == b""
    served.all_gone(3)
    served.talk().close()


def test_more_connections_from_one_address_than_allowed(serve):
    served = serve(limits=FtpLimits(per_address=2))
    served.authorizer.awaited = ()
    with served.talk(), served.talk():
        with socket.create_connection(("127.0.0.1", served.port), 5) as third:
            assert third.recv(200)[:3] == b"421"
        with socket.create_connection(
            ("127.0.0.1", served.port), 5, source_address=("127.0.0.2", 0)
        ) as other:
            assert other.recv(200)[:3] == b"220"


def test_a_line_that_is_too_long_gets_one_reply(serve):
    with serve().talk() as talk:
        assert talk.say("RETR " + "A" * 65_536) == "500 The line is too long."
        assert talk.say("NOOP") == "200 Here."
        assert talk.quiet()


def test_a_line_without_end_ends_the_session(serve):
    served = serve(limits=FtpLimits(flood=100_000))
    with served.talk() as talk:
        try:
            for _ in range(100):
                talk.send(b"A" * 10_000)
        except ConnectionError:
            pass
        served.all_gone()


def test_too_many_commands_during_a_transfer(serve):
    served = serve(limits=FtpLimits(waiting=3))
    with served.talk() as talk:
        data = begin(talk, "RETR STORI260.001")
        talk.send(b"PWD\r\n" * 4)
        assert talk.line() == "421 Too many commands at once; the connection is closed."
        data.close()


def test_a_client_that_never_reads_its_replies_is_let_go(serve):
    served = serve(limits=FtpLimits(unread_replies=10))
    talk = served.talk()
    talk.sock.setblocking(False)
    until = time.monotonic() + 20
    while not served.told(events.ClientGone) and time.monotonic() < until:
        try:
            talk.sock.send(b"HELP\r\n" * 1000)
        except BlockingIOError:
            time.sleep(0.01)
        except ConnectionError:
            break
    served.all_gone()
    talk.close()


def test_nobody_may_take_for_ever_to_log_in(serve):
    served = serve(limits=FtpLimits(login_seconds=0.3))
    with served.talk(login=False) as talk:
        talk.sock.settimeout(0.1)
        line = b""
        for _ in range(200):  # one byte at a time, and complete commands in between
            try:
                talk.sock.send(b"N")
                line += talk.sock.recv(200)
            except TimeoutError:
                continue
            except ConnectionError:  # it was said before, and may not have been read
                with contextlib.suppress(ConnectionError):
                    line += talk.sock.recv(200)
                break
            if line:
                break
        assert line.startswith(b"421 Nothing came for too long")
    served.all_gone()


def test_an_idle_session_ends_but_one_with_a_transfer_does_not(serve, tmp_path):
    _, entry = big_part(tmp_path, 4 * MIB)
    served = serve(entry, limits=FtpLimits(idle=1.5))
    with served.talk() as idle, served.talk() as busy:
        data = begin(busy, "RETR BIG.001", receive_buffer=16 << 10)
        assert idle.line()[:3] == "421"
        assert idle.line() == ""
        while data.recv(MIB):
            pass
        data.close()
        assert busy.line() == "226 Transfer complete."


# --- what nobody foresaw -------------------------------------------------------------------------


def test_an_authorizer_that_crashes_ends_one_session_only(serve, capfd):
    served = serve()
    with served.talk() as other:
        with served.talk(login=False) as talk:
            talk.say("USER D0000BAD")
            assert talk.say("PASS x")[:3] == "421"
            assert talk.line() == ""
        assert other.fetch("RETR GO.BAT")[1]
    told = served.wait(events.CommandRefused)
    assert "RuntimeError: the authorizer fell over" in told.reply
    assert told.command == "PASS ..."
    assert capfd.readouterr() == ("", "")


def test_a_source_that_crashes_ends_one_session_only(serve, capfd):
    served = serve(Entry("ROTTEN.TXT", Blob("not bytes"), text=True))  # type: ignore[arg-type]
    with served.talk() as other:
        with served.talk() as talk:
            talk.say("PASV")
            talk.send(b"RETR ROTTEN.TXT\r\n")
            assert talk.line()[:3] == "421"
        assert other.fetch("RETR GO.BAT")[1]
    assert "TypeError" in served.wait(events.CommandRefused).reply
    assert capfd.readouterr() == ("", "")


def test_a_watcher_that_crashes_harms_nobody(serve):
    served = serve()

    def crash(_: object) -> None:
        raise RuntimeError("nobody watches any more")

    served.server._state._emit = crash
    with served.talk() as talk:
        assert talk.fetch("RETR GO.BAT")[1]


def test_refusals_are_told_a_bounded_number_of_times(serve):
    served = serve(limits=FtpLimits(refusals_told=5))
    with served.talk() as talk:
        for _ in range(50):
            assert talk.say("DELE GO.BAT")[:3] == "550"
        for _ in range(50):
            assert talk.say("RETR STORI260.001")[:3] == "550"
    assert len(served.told(events.CommandRefused)) == 5
    assert not served.told(events.AsciiRefused)


def test_clients_that_never_log_in_cannot_fill_the_record(serve):
    served = serve(limits=FtpLimits(unknown_told=10, unknown_rate=1000.0))
    for _ in range(3):
        served.talk(login=False).close()
    served.all_gone(3)
    assert len(served.told(events.ClientConnected)) == 3

    served = serve(limits=FtpLimits(unknown_told=10, unknown_rate=0.0))
    for _ in range(30):
        served.talk(login=False).close()
    with served.talk() as talk:
        assert talk.fetch("RETR GO.BAT")[1]
        talk.say("QUIT")
    gone = served.wait(events.ClientGone, deployment="D7F3A21C")
    assert gone.peer == "127.0.0.1"
    unknown = [event for event in served.events if not event.deployment]
    assert len(unknown) == 11
    assert "more events came too fast, or were too many, to be listed" in unknown[-1].reply
    assert served.told(events.LoginAccepted)
    assert served.told(events.TransferDone)


def test_what_a_killed_server_left_of_an_upload_is_swept_away(serve):
    served = serve()
    served.server.close()
    inbox = served.inbox / "D7F3A21C"
    inbox.mkdir(parents=True)
    old, fresh = inbox / "RESULT.TXT.a1.part", inbox / "RESULT.TXT.b2.part"
    for path in (old, fresh, inbox / "RESULT.TXT"):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    served.server.start()
    assert sorted(path.name for path in inbox.iterdir()) == ["RESULT.TXT", fresh.name]
