"""A pause: downloads of one deployment wait, those of others and everything else go on."""

from __future__ import annotations

import threading

from deployer.edge.ftp.server import FtpLimits
from deployer.events import TransferStarted
from tests.edge.conftest import USER, Serve


def test_a_held_download_waits_and_then_comes_whole(serve: Serve) -> None:
    served = serve(limits=FtpLimits(refusal_delay=0.0, idle=2.0))
    served.server.hold(frozenset({USER}))
    with served.client() as ftp:
        got: list[bytes] = []
        ftp.voidcmd("TYPE I")
        fetching = threading.Thread(target=ftp.retrbinary, args=("RETR GO.BAT", got.append))
        fetching.start()
        fetching.join(3.0)
        assert fetching.is_alive(), "longer than an idle session may be, and not sent away"
        assert not served.told(TransferStarted)
        served.server.hold(frozenset())
        fetching.join(30)
        assert not fetching.is_alive()
        assert b"".join(got).endswith(b"hello\r\n")


def test_others_are_not_held(serve: Serve) -> None:
    served = serve()
    served.server.hold(frozenset({"D0000000"}))
    with served.client() as ftp:
        got: list[bytes] = []
        ftp.retrbinary("RETR GO.BAT", got.append)
        assert got


def test_what_is_no_download_goes_on(serve: Serve) -> None:
    served = serve()
    served.server.hold(frozenset({USER}))
    with served.talk() as talk:
        assert talk.say("PWD")[:3] == "257"
        assert talk.say("TYPE I")[:3] == "200"
        assert talk.say("NOOP")[:3] == "200"
