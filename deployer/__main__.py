"""The program's entry: arguments to a face, errors to two lines and an exit code."""

from __future__ import annotations

import codecs
import gc
import io
import json
import os
import signal
import sys
import traceback
from types import FrameType

import typer

from deployer import errors
from deployer.face import cli, say, text

COMPLETION = "_DEPLOYER_COMPLETE"
"""Set by the script of `deployer --install-completion` when Tab is pressed."""


_OF_PLAIN_TEXT = ("--bits", "--parity", "--stop", "--protocol")
_EIGHT_BITS = (
    "Set HyperTerminal there to 8, None, 1: this goes by ZMODEM, which needs all 8 bits. "
    "Plain text over 7 bits: deployer serial --help"
)


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit code and prints what went wrong on stderr."""
    debug = "--debug" in arguments
    if COMPLETION in os.environ:
        return _complete()
    try:
        result = cli.call([a for a in arguments if a != "--debug"])
    except errors.DeployerError as error:
        return _fail(error.what, error.remedy, error.exit_code, debug)
    except typer.TyperException as error:
        what = error.format_message().replace(" Value error, ", " ", 1)  # which pydantic puts there
        if what:
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "deployer"
            remedy = f"See: {command} --help"
            if getattr(error, "option_name", "") in _OF_PLAIN_TEXT and " serial " not in command:
                remedy = _EIGHT_BITS
            return _fail(what, remedy, errors.EXIT_USE, debug)
        return errors.EXIT_USE  # a group without a command, whose help is printed
    except typer.Abort:
        return _fail(
            "Stopped.", "What has arrived stays on the target: the same command goes on there.",
            errors.EXIT_INTERRUPTED, debug,
        )  # fmt: skip
    except BrokenPipeError:
        return errors.EXIT_USE
    except Exception as error:  # the last net: no traceback for users
        what = f"Internal error: {type(error).__name__}: {error}"
        remedy = "Run the command again with --debug and report what it prints."
        return _fail(what, remedy, errors.EXIT_INTERNAL, debug)
    return result if isinstance(result, int) else errors.EXIT_PROVED


def _complete() -> int:
    """Answer the shell, in which no error may appear in the middle of what the user types."""
    try:
        cli.call([])
    except Exception:
        return errors.EXIT_INTERNAL
    return errors.EXIT_PROVED


def _fail(what: str, remedy: str, code: int, debug: bool) -> int:
    if debug:
        sys.stderr.write(text.plain(traceback.format_exc()))
    for line in (f"deployer: {what}", remedy):
        say.aside(text.one_line(line))
    return code


def _stop(_number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does just now; asyncio has its own way to stop."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Characters that the terminal lacks, as JSON writes them, so that a line of it stays one."""
    assert isinstance(error, UnicodeEncodeError)
    characters = error.object[error.start : error.end]
    return json.dumps(characters)[1:-1], error.end


def main() -> None:
    """Console entry point; the only place that exits the process.

    A closed window or a plain kill is a Ctrl-C, so that what was changed is given back.
    """
    gc.set_threshold(10_000)  # what a start loads is no garbage: looking for some took 5 % of it
    codecs.register_error("escaped", _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="escaped")
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _stop)
    if sys.platform == "linux" and "SUDO_UID" in os.environ:
        from deployer.host.sudo import split  # noqa: PLC0415 - Windows has no users to become

        if (user := split.caller(sys.argv[1:])) is not None:
            sys.exit(split.run_as(user, lambda: run(sys.argv[1:])))
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
