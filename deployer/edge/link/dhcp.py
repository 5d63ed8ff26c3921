"""The DHCP server of one wire: its packets and its manners. Linux, and CAP_NET_RAW.

It speaks only on the interface that has our address. Before it offers anything it asks three times
for an address itself, as a PC that does not exist: where another server answers, it stays silent.
Later it stops for good as soon as another one is heard, or a PC takes another one's offer. Whether
there is one is asked of the wire alone, never read from the settings of other programs.
"""

from __future__ import annotations

import contextlib
import secrets
import select
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from deployer.core.wire import dhcp
from deployer.core.wire.dhcp import DhcpGrant, DhcpKind, DhcpMessage, DhcpPool, DhcpStatus
from deployer.edge.link import arp, capture
from deployer.edge.link.background import Background
from deployer.edge.link.capture import Datagram
from deployer.errors import DeployerError, PortBusy

_SERVER, _CLIENT = 67, 68
_MOST_TAKEN = 8
"""Addresses that other machines have without being asked for them, before one PC gets none."""

TellDhcp = Callable[[DhcpStatus | DhcpGrant], None]


@dataclass(frozen=True, slots=True)
class DhcpTiming:
    """Seconds: when the questions go out before the first offer, and until when answers count.

    `again` is how often it is asked while addresses are given, `retry` when the interface is looked
    for again that has gone. `taken` is how long an answer is waited for from a machine that has an
    address without having asked for one.
    """

    questions: tuple[float, ...] = (0.0, 2.5, 5.0)
    listen: float = 8.0
    again: float = 60.0
    retry: float = 2.0
    taken: float = 0.2


class DhcpServer(Background):
    """Gives addresses in a thread of its own, from the start until `close` or another server.

    `tell` and `keep` are called in that thread: with what happens, and with the pool after each
    address that was given. `interface` names the one to speak on, which may change.
    """

    def __init__(
        self,
        interface: Callable[[], str],
        pool: DhcpPool,
        tell: TellDhcp,
        keep: Callable[[DhcpPool], None],
        *,
        timing: DhcpTiming | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._interface = interface
        self._pool = pool
        self._tell = tell
        self._keep = keep
        self._timing = timing or DhcpTiming()
        self._clock = clock
        self._made_up = _made_up_mac()
        self.start("dhcp")

    def work(self) -> None:
        """The thread's work."""
        while True:
            name = self._interface()
            try:
                with _Wire(name) as wire:
                    rival = self._serve(wire)
            except (OSError, DeployerError) as error:
                if isinstance(error, PermissionError | DeployerError):
                    self._tell(DhcpStatus("refused", name, why=_why(error)))
                    return
                if self._over(self._timing.retry):  # the interface is down, or away
                    return
                continue
            if rival is not None:
                self._tell(rival)
            return

    def _over(self, seconds: float) -> bool:
        return bool(select.select([self.end], [], [], seconds)[0])

    def _serve(self, wire: _Wire) -> DhcpStatus | None:
        """Ask, then answer. Why it stopped; None at the end."""
        begun = time.monotonic()
        questions = [begun + each for each in self._timing.questions]
        silent_until = begun + self._timing.listen
        serving = False
        sources: list[int | socket.socket] = [self.end, *wire.sources]
        while True:
            now = time.monotonic()
            if questions and now >= questions[0]:
                questions.pop(0)
                wire.ask(self._made_up)
                questions = questions or [now + self._timing.again]
            if not serving and now >= silent_until:
                serving = True
                self._tell(DhcpStatus("serving", wire.interface))
            due = questions[0] if serving else min(questions[0], silent_until)
            ready = select.select(sources, [], [], max(due - now, 0.0))[0]
            if self.end in ready:
                return None
            for datagram in wire.heard():
                message = dhcp.parse(datagram.data)
                if message is None:
                    continue
                if (server := dhcp.rival(self._pool, message)) is not None:
                    mac = datagram.mac if datagram.port == _CLIENT else ""
                    return DhcpStatus(
                        "stopped" if serving else "refused", wire.interface, rival=server, mac=mac
                    )
                if serving and datagram.port == _SERVER and message.mac != self._made_up:
                    self._answer(wire, message)

    def _answer(self, wire: _Wire, message: DhcpMessage) -> None:
        at = self._clock()
        for _ in range(_MOST_TAKEN):
            pool, reply = dhcp.answer(self._pool, message, at)
            if reply is None or reply.kind != DhcpKind.OFFER or self._is_free(wire, reply, at):
                break
            until = at + 10 * self._pool.patience
            avoided = {**self._pool.avoided, reply.given: until}
            self._pool = replace(self._pool, avoided=avoided)
        else:
            return
        changed, self._pool = pool.leases != self._pool.leases, pool
        if reply is not None:
            wire.send(reply)
        if changed:
            self._keep(pool)
        if reply is not None and reply.kind == DhcpKind.ACK and reply.given:
            self._tell(
                DhcpGrant(message.mac, reply.given, message.name, message.vendor, reply.seconds)
            )

    def _is_free(self, wire: _Wire, offer: DhcpMessage, at: float) -> bool:
        """Whether nobody else has the address, such as a PC whose address was set by hand."""
        known = self._pool.leases.get(offer.mac)
        if known is not None and known.ip == offer.given and known.until > at:
            return True
        timing = arp.ProbeTiming(1, last=self._timing.taken)
        with contextlib.suppress(OSError):
            found = arp.who_has(wire.interface, wire.mac, offer.given, patience=timing)
            return found in (None, offer.mac)
        return True


class _Wire:
    """The two sockets on one interface: what goes by, and where we speak from.

    The second keeps the port, so that no other program of this computer answers there as well.
    """

    def __init__(self, interface: str) -> None:
        """Raises PortBusy, PermissionError, OSError."""
        self.interface = interface
        self._stack = contextlib.ExitStack()
        try:
            self._passing = self._stack.enter_context(
                capture.capture(interface, (_SERVER, _CLIENT))
            )
            self._port = self._stack.enter_context(_bound(interface))
            self.mac = self._passing_mac()
        except BaseException:
            self._stack.close()
            raise
        self.sources = (self._passing, self._port)

    def __enter__(self) -> _Wire:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def heard(self) -> list[Datagram]:
        """What has gone by. Raises OSError when the interface is down."""
        with contextlib.suppress(BlockingIOError):  # the same comes by the other socket
            while True:
                self._port.recv(2048, socket.MSG_DONTWAIT)
        return list(capture.heard(self._passing))

    def ask(self, mac: str) -> None:
        """Ask for an address for a PC that does not exist; the answer goes to everybody."""
        question = DhcpMessage(
            DhcpKind.DISCOVER, secrets.randbits(32), mac, asked_for=b"\x01", broadcast=True
        )
        data = dhcp.encode(question)
        capture.send(self._passing, self.interface, data, port=_SERVER, source_port=_CLIENT)

    def send(self, reply: DhcpMessage) -> None:
        """Send an answer to everybody."""
        self._port.sendto(dhcp.encode(reply), ("255.255.255.255", _CLIENT))

    def _passing_mac(self) -> str:
        return bytes(self._passing.getsockname()[4]).hex(":")


def _bound(interface: str) -> socket.socket:
    """The server's port on one interface alone. Raises PortBusy, PermissionError, OSError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if sys.platform == "linux":
            name = interface.encode()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name)
        try:
            sock.bind(("", _SERVER))
        except PermissionError:
            raise
        except OSError as error:
            raise PortBusy(port=_SERVER, address=interface) from error
    except BaseException:
        sock.close()
        raise
    return sock


def _why(error: OSError | DeployerError) -> str:
    if isinstance(error, DeployerError):
        return error.what
    return "it needs the rights to packet sockets and port 67 (CAP_NET_RAW, CAP_NET_BIND_SERVICE)"


def _made_up_mac() -> str:
    """Of a network card that nobody has: set by hand, to one machine."""
    return bytes((0x02, *secrets.token_bytes(5))).hex(":")
