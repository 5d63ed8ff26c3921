"""The wire while we serve: whether it is there, whether the address is ours alone, and back again.

A thread waits for the kernel's word that an interface or an address has changed, and for ARP from a
machine that has our address. What has changed is told at once. With a lease, the address is set
again when the interface is back, with the probe and the undo note of the first time.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from deployer.core.wire import keeping
from deployer.core.wire.addresses import Address, Interface
from deployer.core.wire.keeping import Rival, WireStatus
from deployer.edge.link import arp
from deployer.edge.link.background import Background
from deployer.edge.link.lease import Lease
from deployer.edge.link.lookup import this_system
from deployer.edge.link.system import NetworkSystem
from deployer.errors import AddressTaken, DeployerError

_LINKS, _IPV4_ADDRESSES = 0x1, 0x10
"""Multicast groups of rtnetlink(7): RTMGRP_LINK and RTMGRP_IPV4_IFADDR."""

_BURST = 0.05
"""Seconds to wait after a first change: one rarely comes alone."""

Tell = Callable[[WireStatus], None]


@dataclass(frozen=True, slots=True)
class WatchTiming:
    """Seconds between things.

    `ask`: questions to the wire who else has our address; `doubt`: the same while somebody has.
    `settle`: until a new adapter has its final name. `first` and `most`: tries to set the address
    again, doubling. `poll`: looks, where the system does not tell by itself.
    """

    ask: float = 10.0
    doubt: float = 2.0
    settle: float = 0.3
    first: float = 1.0
    most: float = 30.0
    poll: float = 15.0


class WireWatch(Background):
    """Watches in a thread of its own, from the start until `close`; it has no other end."""

    def __init__(
        self,
        before: Interface,
        address: Address,
        tell: Tell,
        lease: Lease | None = None,
        *,
        link: NetworkSystem | None = None,
        timing: WatchTiming | None = None,
    ) -> None:
        """`tell` is called in the thread with each status that differs from the last one.

        `before` is the interface as it is now, with our address. Without a lease nothing is
        changed.
        """
        self._before = before
        self._address = address
        self._tell = tell
        self._lease = lease
        self._link = link or this_system()
        self._timing = timing or WatchTiming()
        self._told = WireStatus("ready", before.name)
        self._rival = Rival()
        self._own: frozenset[str] = frozenset()
        self._now: Interface | None = None
        self._ask_at = 0.0
        self._try_at = 0.0
        self._pause = self._timing.first
        self._why = ""
        self._packets: tuple[int, socket.socket] | None = None
        self._changes = _changes()
        self.start("wire")

    def work(self) -> None:
        """The thread's work."""
        with contextlib.ExitStack() as stack:
            if self._changes is not None:
                stack.enter_context(self._changes)
            stack.callback(self._listen, None)
            while True:
                with contextlib.suppress(OSError):  # it comes or goes this very moment
                    self._look()
                if self._over():
                    return

    def _over(self) -> bool:
        """Wait until there is a reason to look again; whether that is the end."""
        while True:
            ready = self._wait()
            if self.end in ready:
                return True
            heard = self._packets is not None and self._packets[1] in ready
            if self._changes is not None and self._changes in ready:
                select.select([self.end], [], [], _BURST)
                _drain(self._changes)
                return False
            if not heard or self._hear():
                return False

    def _wait(self) -> list[socket.socket | int]:
        """What has something to say; nothing when it is time to look by itself."""
        now = time.monotonic()
        until = [self._ask_at] if self._packets else []
        until += [self._try_at] if self._try_at else []
        until += [] if self._changes else [now + self._timing.poll]
        left = max(min(until) - now, 0.0) if until else None
        sources: list[socket.socket | int] = [self.end]
        sources += [self._changes] if self._changes else []
        sources += [self._packets[1]] if self._packets else []
        return select.select(sources, [], [], left)[0]

    # -- one look --------------------------------------------------------------------------------

    def _look(self) -> None:
        interfaces = self._link.interfaces()
        self._own = frozenset(each.mac for each in interfaces)
        self._now = keeping.find(interfaces, self._before)
        if self._lease is not None and self._now is not None:
            self._mend(self._lease, self._now)
        self._listen(self._now)
        self._ask()
        status = keeping.judge(self._now, self._before, self._address, self._rival)
        if status.state == "bare":
            status = replace(status, why=self._why)
        if status != self._told:
            self._told = status
            self._tell(status)

    def _mend(self, lease: Lease, now: Interface) -> None:
        """Set the address again where it is missing, unless the user has switched it off."""
        again = now.index != self._before.index
        if not again and now.up and self._told.state == "off":
            lease.leave_on()
        missing = not set(lease.addresses) <= set(now.addresses)
        if not (again or (now.up and missing)):
            self._try_at, self._why = 0.0, ""
            return
        at = time.monotonic()
        if not self._try_at:
            self._try_at = at + self._timing.settle
        if at < self._try_at:
            return
        self._try_at, self._pause = at + self._pause, min(self._pause * 2, self._timing.most)
        try:
            lease.renew(time.time())
        except AddressTaken as error:
            self._rival = self._rival.heard(str(error.fields["mac"]))
        except DeployerError as error:
            self._why, self._rival = error.what, Rival()
        else:
            self._why, self._rival = "", Rival()
        self._before = lease.record.before
        self._now = keeping.find(self._link.interfaces(), self._before)

    # -- who else has our address ----------------------------------------------------------------

    def _listen(self, now: Interface | None) -> None:
        """Hear ARP on the interface that it is now; None: on none."""
        wanted = now.index if now is not None and now.up else None
        if self._packets is not None and self._packets[0] != wanted:
            self._packets[1].close()
            self._packets = None
        if wanted is not None and now is not None and self._packets is None:
            with contextlib.suppress(OSError):  # without the right, nobody is heard
                self._packets = (wanted, arp.listen(now.name))
                self._ask_at = time.monotonic()

    def _ask(self) -> None:
        at = time.monotonic()
        if self._packets is None or self._now is None or at < self._ask_at:
            return
        self._rival = self._rival.asked()
        self._ask_at = at + (self._timing.doubt if self._rival.mac else self._timing.ask)
        if self._now.carrier:
            with contextlib.suppress(OSError):
                self._packets[1].send(arp.question(self._now.mac, self._address.ip))

    def _hear(self) -> bool:
        """Whether a machine says that it has our address, which has not said so before.

        Who only asks for it has not got it yet.
        """
        before = self._rival.mac
        try:
            for message in arp.heard(self._packets[1]) if self._packets else ():
                if message.sender_ip == self._address.ip and message.sender_mac not in self._own:
                    self._rival = self._rival.heard(message.sender_mac)
        except OSError:  # the interface went down or away
            self._listen(None)
            return True
        if self._rival.mac == before:
            return False
        self._ask_at = time.monotonic() + self._timing.doubt
        return True


def _changes() -> socket.socket | None:
    """Readable when an interface or an address has changed; None where the system cannot tell.

    What has changed is then asked for as a whole (by pyroute2): messages may be lost when many
    come, and the last state is all that counts.
    """
    if sys.platform != "linux":
        return None
    sock = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
    )
    sock.bind((0, _LINKS | _IPV4_ADDRESSES))
    return sock


def _drain(sock: socket.socket) -> None:
    while True:
        try:
            sock.recv(1 << 16)
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # more came than it holds: that is said once
                return
