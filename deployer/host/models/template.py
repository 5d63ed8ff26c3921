"""A model's chat template is a program by others: it runs in a process of its own, with limits.

`python -m deployer.host.models.template` reads a template and writes its pieces.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys

import msgspec

from deployer.core.model import chat
from deployer.core.model.chat import Pieces, TemplateUnusableError

SECONDS = 10.0
_MEMORY = 1 << 30


class _Order(msgspec.Struct, frozen=True):
    template: str
    bos: str
    eos: str


class _Answer(msgspec.Struct, frozen=True):
    pieces: Pieces | None = None
    why: str = ""


def cut(template: str, bos: str, eos: str, seconds: float = SECONDS) -> Pieces:
    """The five texts of a template. Raises TemplateUnusableError, also when it does not end."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "deployer.host.models.template"],
            input=msgspec.json.encode(_Order(template, bos, eos)),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise TemplateUnusableError(f"it does not end within {seconds:g} seconds") from error
    try:
        answer = msgspec.json.decode(done.stdout, type=_Answer)
    except msgspec.DecodeError as error:
        raise TemplateUnusableError("it takes too much memory or time") from error
    if answer.pieces is None:
        raise TemplateUnusableError(answer.why)
    return answer.pieces


def main() -> None:
    """Cut the template of standard input."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - POSIX

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS), int(SECONDS)))
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=_Order)
    try:
        answer = _Answer(chat.cut(order.template, order.bos, order.eos))
    except TemplateUnusableError as error:
        answer = _Answer(why=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
