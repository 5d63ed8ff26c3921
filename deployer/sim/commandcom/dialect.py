"""Which COMMAND.COM is played, and the ways in which a command ends the normal course of things."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from enum import Enum, auto
from typing import Any


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where one COMMAND.COM differs from another; everything not named here is the same code line.

    quoted_names      "a b" in a command's parameters is one name (facts B27); without it quotes
                      hold nothing together and only protect > < | (case args-quoted)
    long_names        names longer than 8.3 exist; without it they are cut to 8.3
    pipe_in_temp      a pipe's files lie in %TEMP%, else in the current directory (facts B25,
                      KB Q82216); without it in the root of the current drive
    blind_dotdot      `FILE\\..` is the directory of FILE (facts B28); without it every part before
                      `..` must be a directory
    any_case_variable `%windir%` is found although the name is stored in small letters (facts A4)
    copy_overwrite    COPY has /Y, /-Y and COPYCMD and asks at the prompt, never in a batch
                      (facts B21)
    bare_dir          DIR has /B

    Then FTP.EXE, whose facts are those of its relatives (facts A8-A26):

    ftp_small_letters it knows its commands in small letters only
    ftp_script_ends   the end of a script is its end; without it, it goes on with the keyboard
    ftp_waits         it waits for ever for an answer; without it, a while
    ftp_empties       `get` makes or empties the local file before the server has answered
    ftp_lines_cost    each further line of a reply costs the script a line
    ftp_name_limit    a name of over 72 characters ends it
    ftp_exit_zero     its exit code is 0 whatever happens
    ftp_verbose       with a script it shows replies and speeds
    ftp_list_as_text  `mget` asks for the names in TYPE A
    ftp_quotes        "a b" is one word
    ftp_open_port     `open` takes no notice of a port; without it, it refuses one

    And Windows itself:

    deletes_open      DeleteFile deletes a file that is open (facts F9)
    """

    name: str
    version: str
    quoted_names: bool
    long_names: bool
    pipe_in_temp: bool
    blind_dotdot: bool
    any_case_variable: bool
    copy_overwrite: bool
    bare_dir: bool
    ftp_small_letters: bool = True
    ftp_script_ends: bool = True
    ftp_waits: bool = True
    ftp_empties: bool = True
    ftp_lines_cost: bool = True
    ftp_name_limit: bool = True
    ftp_exit_zero: bool = True
    ftp_verbose: bool = True
    ftp_list_as_text: bool = True
    ftp_quotes: bool = True
    ftp_open_port: bool = True
    deletes_open: bool = True


# Of the shell, both dialects name every difference, so that they can be read side by side.
WIN98 = Dialect(
    name="Windows 98",
    version="Windows 98 [Version 4.10.1998]",
    quoted_names=True,
    long_names=True,
    pipe_in_temp=True,
    blind_dotdot=True,
    any_case_variable=True,
    copy_overwrite=True,
    bare_dir=True,
)

#: The shell on which the conformance cases were observed; it shows that the mechanism is right.
DOS400 = Dialect(
    name="MS-DOS 4.00",
    version="MS-DOS Version 4.00",
    quoted_names=False,
    long_names=False,
    pipe_in_temp=False,
    blind_dotdot=False,
    any_case_variable=False,
    copy_overwrite=False,
    bare_dir=False,
)


SETTINGS = tuple(field.name for field in fields(Dialect) if field.name not in ("name", "version"))
"""What differs between machines: the names of settings that are yes or no."""


def flipped(dialect: Dialect, settings: Collection[str]) -> Dialect:
    """The dialect with these settings the other way round. KeyError for one that there is not."""
    unknown = [name for name in settings if name not in SETTINGS]
    if unknown:
        raise KeyError(unknown[0])
    changes: dict[str, Any] = {name: not getattr(dialect, name) for name in settings}
    return replace(dialect, **changes)


class End(Enum):
    """Why the shell stopped working on its own."""

    PROMPT = "prompt"  # it shows a prompt and waits for the keyboard
    NO_PROMPT = "no-prompt"  # it waits for the keyboard and shows nothing: it looks dead
    EXITED = "exited"  # the shell itself is gone


class Single(Enum):
    """Where COMMAND /C is with its one command."""

    NO = auto()
    PENDING = auto()
    LAST = auto()
    PIPE = auto()
    LOOP = auto()
    BATCH = auto()


class ShellHang(Exception):  # noqa: N818 - what happens to the user, not to us
    """The simulated PC does nothing any more, for the reason given; only the power switch helps."""


class NotModelled(Exception):  # noqa: N818 - as above
    """The simulated COMMAND.COM does not model what was asked of it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the simulated COMMAND.COM does not model {what}")


class Complaint(Exception):  # noqa: N818 - ends a command with a line on the console, as the target does
    """A command gives up with this message on the console; the shell goes on with the next one."""
