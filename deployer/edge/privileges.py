"""Keeping only the privileges that are still needed, once the ports are open. Linux only.

Capabilities belong to threads, and a thread takes those of the one that starts it. So this is done
before the first thread, and after the ports were opened.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Collection
from pathlib import Path

CAPABILITIES = {
    "dac_override": 1,
    "net_bind_service": 10,
    "net_admin": 12,
    "net_raw": 13,
}
"""By their numbers in linux/capability.h: those that this program may ever ask to keep."""

_VERSION_3 = 0x20080522
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 24, 38, 47
_AMBIENT_CLEAR_ALL = 4


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def effective() -> int:
    """The capabilities of this thread as bits; 0 where there are none."""
    try:
        text = Path("/proc/thread-self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    line = next(line for line in text.splitlines() if line.startswith("CapEff:"))
    return int(line.split()[1], 16)


def keep_only(names: Collection[str]) -> None:
    """Give up every capability but these, for good; those that are not held are not gained.

    No program started later gains any either (no_new_privs). Raises RuntimeError when threads run
    already, since they would keep theirs; OSError when the kernel refuses.
    """
    if sys.platform != "linux":
        return
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208  a count, not paths
        raise RuntimeError("privileges are dropped before the first thread is started")
    bits = sum(1 << CAPABILITIES[name] for name in names) & effective()
    libc = ctypes.CDLL(None, use_errno=True)
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    for number in range(last + 1):
        if not bits >> number & 1:  # refused without CAP_SETPCAP; then no_new_privs does it alone
            libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    libc.prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0)
    data = (_Data * 2)()
    for half in range(2):
        word = bits >> 32 * half & 0xFFFFFFFF
        data[half].effective = data[half].permitted = word
    _must(libc.capset(ctypes.byref(_Header(_VERSION_3, 0)), ctypes.byref(data)))
    _must(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def _must(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
