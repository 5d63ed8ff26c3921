"""Two networks and a view of the disk of one's own, so that a wire and a full disk can be real.

Root has them for the asking; elsewhere a user may have them where the system allows user
namespaces. The process is in the host's network; the old PC is a thread in the other one, and the
cable joins them. Nothing here touches a network or a disk that was there before.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deployer.core.wire.addresses import Address

OURS, THEIRS = Address("192.168.1.1", 24), Address("192.168.1.2", 24)
WIRE, FAR = "wire0", "pc0"
_NEWNS, _NEWUSER, _NEWNET = 0x00020000, 0x10000000, 0x40000000
_PRIVATE = 1 << 18 | 1 << 14

_far: list[int] = []
"""The old PC's network, once this process is in a place of its own."""


def entered() -> bool:
    """Whether this process is in a place of its own."""
    return bool(_far)


def enter() -> None:
    """Go there, for good, where the system lets this user. Only a process without threads can."""
    if sys.platform != "linux" or entered():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    kinds = _NEWNS | _NEWNET | (0 if os.geteuid() == 0 else _NEWUSER)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(kinds) != 0:
        return
    if kinds & _NEWUSER:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
    libc.mount(b"none", b"/", None, ctypes.c_ulong(_PRIVATE), None)
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        _run("ip", "link", "set", "lo", "up")
        far = os.open("/proc/self/ns/net", os.O_RDONLY)
        if libc.unshare(_NEWNET) != 0:
            return
        _run("ip", "link", "set", "lo", "up")
        _run("mount", "-t", "sysfs", "sysfs", "/sys")  # the interfaces of the host's network
        _run("mount", "-t", "tmpfs", "tmpfs", "/run")  # the locks of its wires
        _far.append(far)


def thread_of_the_pc() -> ThreadPoolExecutor:
    """One thread; what it opens is in the old PC's network, where there is one."""
    return ThreadPoolExecutor(1, "pc", initializer=_go_far if entered() else None)


def _go_far() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(_far[0], _NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "the old PC's network cannot be entered")


def plug_in() -> None:
    """A cable from the host's adapter to the old PC's card, both new."""
    far = f"/proc/{os.getpid()}/fd/{_far[0]}"
    _run("ip", "link", "add", WIRE, "type", "veth", "peer", "name", FAR, "netns", far)
    with thread_of_the_pc() as pc:
        pc.submit(_run, "ip", "addr", "add", str(THEIRS), "dev", FAR).result()
        pc.submit(_run, "ip", "link", "set", FAR, "up").result()


def unplug() -> None:
    """The adapter is pulled out of the host, and the cable hangs in the air."""
    _run("ip", "link", "delete", WIRE)


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A disk of so many bytes at `folder`."""
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=20)
