"""A machine that is awaited gets in, whoever else is there."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from deployer.core.ftp.session import GREETING
from deployer.edge.ftp.server import FtpLimits
from deployer.events import ClientGone
from tests.edge.conftest import Served, Talk

GREETED, FULL = f"{GREETING}\r\n".encode(), b"421 Too many connections"


@contextlib.contextmanager
def callers(served: Served, address: str, count: int) -> Iterator[list[bytes]]:
    """Connections from an address, which say nothing, and the first line that each has got."""
    with contextlib.ExitStack() as stack:
        first = []
        for _ in range(count):
            place = ("127.0.0.1", served.port)
            sock = socket.create_connection(place, 20, source_address=(address, 0))
            stack.enter_context(sock)
            first.append(sock.recv(200))
        yield first


def test_two_neighbours_with_128_connections_each_leave_room(serve) -> None:
    served = serve()
    with (
        callers(served, "127.0.0.2", 128) as one,
        callers(served, "127.0.0.3", 128) as two,
        served.talk() as awaited,
    ):
        assert one.count(GREETED) == two.count(GREETED) == FtpLimits().unknown_per_address
        assert awaited.fetch("RETR GO.BAT")[1]


def test_places_are_kept_from_many_unknown_machines(serve) -> None:
    served = serve(limits=FtpLimits(connections=10, kept=3, unknown_per_address=1))
    with contextlib.ExitStack() as stack:
        first = [
            stack.enter_context(callers(served, f"127.0.0.{number}", 1))[0]
            for number in range(2, 14)
        ]
        assert first.count(GREETED) == 7
        assert all(line.startswith(FULL) for line in first[7:])
        for _ in range(3):
            assert stack.enter_context(served.talk()).say("NOOP") == "200 Here."


def test_the_idlest_unknown_connection_makes_room(serve) -> None:
    served = serve(limits=FtpLimits(connections=3, kept=0))
    place = ("127.0.0.1", served.port)
    with contextlib.ExitStack() as stack:
        unknown = []
        for _ in range(3):
            sock = socket.create_connection(place, 20, source_address=("127.0.0.2", 0))
            talk = Talk(stack.enter_context(sock))
            assert talk.line()[:3] == "220"
            unknown.append(talk)
        assert unknown[0].say("NOOP") == "200 Here."  # so the second is the idlest
        assert stack.enter_context(served.talk()).fetch("RETR GO.BAT")[1]
        assert unknown[1].line() == "421 Too many connections; this one was idle for longest."
        assert unknown[1].line() == ""
        assert unknown[2].say("NOOP") == "200 Here."


def test_a_pc_that_was_switched_off_again_and_again_is_let_in(serve) -> None:
    """Nobody said goodbye on its old connections; the server cannot know that they are dead."""
    served = serve(limits=FtpLimits(per_address=3))
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            assert stack.enter_context(served.talk()).say("NOOP") == "200 Here."
        served.wait(ClientGone, 5)


def test_who_transfers_is_not_sent_away(serve) -> None:
    served = serve(limits=FtpLimits(connections=1, kept=0), length=64 << 20)
    with served.talk() as talk:
        talk.say("TYPE I")
        with talk.listen() as door:
            assert talk.say("RETR STORI260.001")[:3] == "150"
            sock, _ = door.accept()
            with sock, callers(served, "127.0.0.1", 1) as (first,):
                assert first.startswith(FULL)
                assert sock.recv(1)
