# ruff: noqa: PLC0415  imports happen before forking, to be shared
"""Starts Python in a network namespace fast: imports once, then forks for each piece of work.

Reads one JSON object a line: `netns`, and `code` (with `values`) or `arguments` of the CLI.
Answers with one: `code` (exit code), `out` and `err`. Each piece runs in a process of its own, with
/sys as `ip netns exec` would mount it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

_NEWNS, _NEWNET = 0x00020000, 0x40000000
_PRIVATE, _DETACH = 1 << 18 | 1 << 14, 2


def enter(netns: str) -> None:
    """Go into the namespace; what is mounted there is seen by this process alone."""
    libc = ctypes.CDLL(None, use_errno=True)

    def must(result: int) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    with Path(f"/run/netns/{netns}").open() as file:
        must(libc.setns(file.fileno(), _NEWNET))
    must(libc.unshare(_NEWNS))
    must(libc.mount(b"", b"/", b"none", ctypes.c_ulong(_PRIVATE), None))
    libc.umount2(b"/sys", _DETACH)
    must(libc.mount(netns.encode(), b"/sys", b"sysfs", ctypes.c_ulong(0), None))


def work(task: dict[str, Any]) -> int:
    """Do one piece of work; the exit code."""
    enter(task["netns"])
    if "code" not in task:
        from deployer.__main__ import run

        return run(task["arguments"])
    names: dict[str, Any] = {"json": json, "sys": sys, "Path": Path, **task["values"]}
    exec(compile(task["code"], "<inside>", "exec"), names)
    print(json.dumps(names["result"]))
    return 0


def child(task: dict[str, Any], out: int, err: int) -> None:
    """The whole life of a forked process."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        code = work(task)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def main() -> None:
    import msgspec  # noqa: F401
    import pyroute2  # noqa: F401

    from deployer.face.cli import wire  # noqa: F401

    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            pid = os.fork()
            if not pid:
                child(json.loads(line), out.fileno(), err.fileno())
            _, status = os.waitpid(pid, 0)
            answer = {"code": os.waitstatus_to_exitcode(status)}
            for name, file in (("out", out), ("err", err)):
                file.seek(0)
                answer[name] = file.read().decode("utf-8", "replace")
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
