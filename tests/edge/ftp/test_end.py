"""When a deployment ends, so does everything that its logins could do, at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.core.ftp.budget import Allowance
from deployer.core.ftp.session import NoLogin
from deployer.edge.ftp.files import set_aside
from deployer.edge.ftp.server import FtpLimits, UploadVerdict
from deployer.events import CommandRefused, LoginRefused, TransferCut, UploadReceived
from deployer.model import Blob, Entry, State
from tests.edge.conftest import USER, Served, Talk, read_all

RECEIPT = Entry("GOTIT.TXT", Blob(b"D7F3A21C\r\n"), text=True, after="RESULT.TXT")
SAYS = {
    State.PROVED: "The deployment is proved on the host; nothing of it is served.",
    State.FAILED: "The deployment has failed on the host; nothing of it is served.",
    State.CANCELLED: "The deployment was cancelled on the host; nothing of it is served.",
}


def send(talk: Talk, name: str, data: bytes = b"report") -> list[str]:
    """The replies to an upload in active mode."""
    with talk.listen() as door:
        first = talk.say(f"STOR {name}")
        if not first.startswith("1"):
            return [first]
        sock, _ = door.accept()
        with sock:
            sock.sendall(data)
    return [first, talk.line()]


def end(served: Served, talk: Talk, state: State) -> None:
    """End the deployment; back when the session says so."""
    served.server.end(USER, state)
    while talk.say("STOR RESULT.TXT") != f"553 {SAYS[state]}":
        continue


@pytest.mark.parametrize("state", SAYS)
def test_a_session_that_was_open_keeps_nothing(serve, state: State) -> None:
    served = serve()
    with served.talk() as talk:
        assert talk.fetch("RETR GO.BAT")[1]
        end(served, talk, state)
        for line in ("RETR GO.BAT", "RETR STORI260.001", "LIST", "NLST *.*", "SIZE GO.BAT"):
            assert talk.say(line) == f"550 {SAYS[state]}"
        assert talk.say("NOOP") == "200 Here."
        assert served.told(CommandRefused) == []


def test_only_the_logins_of_that_deployment_end(serve) -> None:
    served = serve()
    with served.talk() as one:
        served.authorizer.share = replace(served.authorizer.share, deployment="D0000002")
        with served.talk() as two:
            end(served, one, State.CANCELLED)
            assert two.fetch("RETR GO.BAT")[1]


def test_a_download_that_moves_is_cut_and_says_why(serve) -> None:
    served = serve(length=64 << 20)
    with served.talk() as talk:
        talk.say("TYPE I")
        with talk.listen() as door:
            assert talk.say("RETR STORI260.001")[:3] == "150"
            sock, _ = door.accept()
            with sock:
                sock.recv(1)
                served.server.end(USER, State.CANCELLED)
                line = talk.line()
                assert len(read_all(sock)) < 32 << 20
        assert line == "426 The deployment has ended on the host; nothing more of it is served."
        assert served.wait(TransferCut).why == "the deployment has ended"


def test_an_upload_that_moves_is_cut_and_replaces_nothing(serve) -> None:
    served = serve()
    with served.talk() as talk:
        assert send(talk, "RESULT.TXT", b"the first")[-1][:3] == "226"
        with talk.listen() as door:
            assert talk.say("STOR RESULT.TXT")[:3] == "150"
            sock, _ = door.accept()
            with sock:
                sock.sendall(b"the second")
                served.server.end(USER, State.PROVED)
                assert talk.line()[:3] == "426"
    assert (served.inbox / USER / "RESULT.TXT").read_bytes() == b"the first"
    assert len(served.told(UploadReceived)) == 1


def test_a_report_waits_until_the_last_one_was_read(serve) -> None:
    """What was judged must still lie there when it is looked at again."""
    served = serve()
    served.authorizer.verdicts = [
        UploadVerdict.KEEP,
        UploadVerdict.BEING_READ,
        UploadVerdict.BEING_READ,
    ]
    with served.talk() as talk:
        assert send(talk, "RESULT.TXT", b"the first")[-1][:3] == "226"
        assert send(talk, "RESULT.TXT", b"the second")[-1][:3] == "226"
    assert served.authorizer.verdicts == []
    assert (served.inbox / USER / "RESULT.TXT").read_bytes() == b"the second"


def test_a_report_that_waits_too_long_is_refused_and_nothing_of_it_stays(serve) -> None:
    served = serve(limits=FtpLimits(connect=0.1))
    served.authorizer.verdicts = [UploadVerdict.BEING_READ] * 1000
    with served.talk() as talk:
        said = send(talk, "RESULT.TXT")[-1]
        assert said == "451 The host still reads the last report; send it again."
        assert list((served.inbox / USER).iterdir()) == []
        served.authorizer.verdicts = [UploadVerdict.BEING_READ] * 1000
        with talk.listen() as door:
            assert talk.say("STOR RESULT.TXT")[:3] == "150"
            door.accept()[0].close()
            assert talk.say("ABOR")[:3] == "426"
            assert talk.line()[:3] == "226"
    assert list((served.inbox / USER).iterdir()) == []
    served.wait(TransferCut, 2)


def test_a_report_that_arrives_as_its_deployment_ends_is_not_kept(serve) -> None:
    served = serve()
    served.authorizer.verdicts = [UploadVerdict.ENDED]
    with served.talk() as talk:
        assert send(talk, "RESULT.TXT")[-1][:3] == "426"
    assert list((served.inbox / USER).iterdir()) == []


def test_the_receipt_of_what_arrived_is_still_given(serve) -> None:
    """FTP.EXE fetches it after the report that has ended the deployment."""
    served = serve(RECEIPT)
    with served.talk() as talk, served.talk() as silent:
        assert send(talk, "RESULT.TXT")[-1][:3] == "226"
        end(served, talk, State.PROVED)
        assert talk.fetch("RETR GOTIT.TXT")[1] == b"D7F3A21C\r\n"
        assert silent.say("RETR GOTIT.TXT")[:3] == "550"


def test_what_was_held_back_is_not_given_after_the_end(serve) -> None:
    served = serve()
    with served.talk() as talk:
        served.server.hold(frozenset([USER]))
        with talk.listen():
            talk.send(b"RETR GO.BAT\r\n")
            assert talk.quiet()
            served.server.end(USER, State.CANCELLED)
            served.server.hold(frozenset())
            assert talk.line() == f"550 {SAYS[State.CANCELLED]}"


@pytest.mark.parametrize(
    ("why", "cause", "line"),
    [
        (NoLogin.OLDER, "older-push", "530 This GO.BAT is of an older push:"),
        (NoLogin.NOTHING, "nothing-waits", "530 Nothing waits for this PC now."),
    ],
)
def test_a_go_bat_of_an_older_push_is_named_on_both_sides(serve, why, cause, line) -> None:
    served = serve()
    served.authorizer.refusal = why
    with served.talk(login=False) as talk:
        assert talk.say("USER D0000001")[:3] == "331"
        assert talk.say("PASS itstoken22").startswith(line)
    told = served.wait(LoginRefused)
    assert (told.login, told.cause) == ("D0000001", cause)
    assert "of an older push" in told.why


def test_the_reports_of_one_deployment_are_bounded_in_number(serve) -> None:
    served = serve(limits=FtpLimits(uploads=Allowance(3)))
    with served.talk() as talk:
        replies = [send(talk, "INFO.TXT")[-1] for _ in range(5)]
    assert [reply[:3] for reply in replies] == ["226"] * 3 + ["452"] * 2
    assert "no more of them" in replies[-1]
    assert served.told(CommandRefused)[-1].command == "STOR INFO.TXT"


def test_the_reports_of_one_deployment_are_bounded_in_bytes(serve) -> None:
    """What was cut or refused counts as well: it was on the disk."""
    served = serve(limits=FtpLimits(uploads=Allowance(100, 3000)))
    with served.talk() as talk:
        replies = [send(talk, "RESULT.TXT", b"mangled" + bytes(993))[-1] for _ in range(4)]
    assert [reply[:3] for reply in replies] == ["451"] * 3 + ["452"]


def test_all_deployments_together_are_bounded(serve) -> None:
    served = serve(limits=FtpLimits(uploads=Allowance(2), all_uploads=Allowance(3)))
    replies = []
    for deployment in ("D0000001", "D0000002"):
        served.authorizer.share = replace(served.authorizer.share, deployment=deployment)
        with served.talk() as talk:
            replies += [send(talk, "INFO.TXT")[-1][:3] for _ in range(2)]
    assert replies == ["226", "226", "226", "452"]


def test_the_events_of_one_deployment_are_bounded_and_the_rest_is_counted(serve) -> None:
    served = serve(limits=FtpLimits(told_per_day=5))
    with served.talk() as talk:
        for _ in range(5):
            assert talk.fetch("RETR GO.BAT")[1]
        served.talk(login=False).close()
        rest = served.wait(CommandRefused)
    assert rest.reply == "6 more events came too fast, or were too many, to be listed"
    assert len([event for event in served.events if event.deployment]) == 5


def test_what_an_earlier_try_left_gets_another_name(tmp_path) -> None:
    folder = tmp_path / USER
    folder.mkdir()
    for text in ("one", "two"):
        (folder / "RESULT.TXT").write_text(text)
        set_aside(tmp_path, USER, ["RESULT.TXT", "OUTPUT.TXT"])
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "RESULT.TXT.1": "one",
        "RESULT.TXT.2": "two",
    }
