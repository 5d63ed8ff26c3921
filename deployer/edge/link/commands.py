"""Running a system's own network programs, where netlink does not exist."""

from __future__ import annotations

import abc
import ipaddress
import subprocess
from collections.abc import Callable, Iterator, Sequence

from deployer.core.wire.addresses import Address, Interface
from deployer.edge.link.system import Change
from deployer.errors import LinkFailed, LinkForbidden

RunCommand = Callable[[Sequence[str]], str]
ChangeWords = Callable[[str, Change], tuple[str, ...]]

_PATIENCE = 30.0
_FORBIDDEN = (
    "operation not permitted",
    "permission denied",
    "requires elevation",
    "must be root",
    "access is denied",
)


def run(words: Sequence[str]) -> str:
    """The output of a program. Raises LinkForbidden or LinkFailed."""
    try:
        done = subprocess.run(list(words), capture_output=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LinkFailed(interface=words[0], why=error) from error
    said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
    if any(sign in said.lower() for sign in _FORBIDDEN):
        raise LinkForbidden(why=said.splitlines()[-1])
    if done.returncode:
        why = said.splitlines()[-1] if said else f"exit code {done.returncode}"
        raise LinkFailed(interface=words[0], why=why)
    return done.stdout.decode("utf-8", "replace")


class ByCommands(abc.ABC):
    """What systems have in common whose wire is changed by the system's own programs.

    `apply_words` and `revert_words` give the command line for a change, or () for nothing to do.
    """

    def __init__(
        self, run: RunCommand, apply_words: ChangeWords, revert_words: ChangeWords
    ) -> None:
        self._run = run
        self._apply_words = apply_words
        self._revert_words = revert_words

    @abc.abstractmethod
    def interfaces(self) -> tuple[Interface, ...]:
        """Every interface but loopback, as it is now."""

    @property
    @abc.abstractmethod
    def boot_words(self) -> Sequence[str]:
        """The command that prints what is new with every start of the system."""

    def boot(self) -> str:
        """See `NetworkSystem`."""
        try:
            return self._run(self.boot_words).strip()
        except LinkFailed:
            return ""

    def plan(
        self, interface: Interface, addresses: Sequence[Address], host_route: str
    ) -> tuple[Change, ...]:
        """What is not yet as it must be, in the order in which to change it."""
        changes = []
        if not interface.up:
            changes.append(Change("up"))
        missing = [address for address in addresses if address not in interface.addresses]
        changes += self.before_address(interface) if missing else ()
        changes += [Change("address", str(address)) for address in missing]
        if host_route:
            changes.append(Change("route", f"{host_route} {addresses[0].ip}"))
        return tuple(changes)

    def before_address(self, interface: Interface) -> Iterator[Change]:  # noqa: ARG002
        """What must be changed before an address can stand on the interface."""
        yield from ()

    def apply(self, interface: str, change: Change) -> None:
        """Make a change; nothing when it is made already."""
        if change.kind == "address" and self._has(interface, change.value):
            return
        words = self._apply_words(interface, change)
        if words:
            self._run(words)

    def revert(self, interface: str, change: Change) -> None:
        """Take a change back; nothing when it is not made."""
        if change.kind == "address" and not self._has(interface, change.value):
            return
        words = self._revert_words(interface, change)
        if not words:
            return
        try:
            self._run(words)
        except LinkFailed:
            if change.kind != "route":  # a route goes with its address by itself
                raise

    def ways_to(self, network: ipaddress.IPv4Network) -> frozenset[int]:  # noqa: ARG002
        """See `NetworkSystem`."""
        return frozenset()

    def has_routes(self, index: int) -> bool:  # noqa: ARG002
        """See `NetworkSystem`."""
        return False

    def _has(self, interface: str, address: str) -> bool:
        return any(
            str(a) == address for i in self.interfaces() if i.name == interface for a in i.addresses
        )


def ip_and_mask(value: str) -> tuple[str, str]:
    """The address and the mask in words of an `address/prefix`."""
    ip, _, prefix = value.partition("/")
    return ip, str(Address(ip, int(prefix)).network.netmask)
