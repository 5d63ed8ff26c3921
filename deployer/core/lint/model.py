"""The nouns of lint: what a rule finds, and the lengths it assumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from deployer.core.lint.parse import Script

Severity = Literal["error", "warning"]
#: A rule's hit: line number, column (0 = whole line), message.
Hit = tuple[int, int, str]


class Doubt(NamedTuple):
    """A hit that is a warning whatever its rule says: it depends on what is not known here."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class LengthLimits:
    """Lengths in bytes. `parameter` and `variable` are taken for what is not known."""

    line: int = 127  # facts B1
    expanded: int = 120  # batch-notes 7
    own_name: int = 40  # %0: the short path of the batch file
    parameter: int = 20
    variable: int = 20
    file_name: int = 12
    variables: int = 4  # facts, consequence 13


@dataclass(frozen=True, slots=True)
class Context:
    """What a check may know beside the script: values of the environment, and the limits."""

    environment: Mapping[str, str] = field(default_factory=dict)
    limits: LengthLimits = field(default_factory=LengthLimits)
    guess: bool = True  # whether variables that only Windows sets have a length


LintCheck = Callable[[Script, Context], Iterator[Hit]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that Windows 98's COMMAND.COM rejects or mangles.

    `bad` and `good` are whole batch files; tests run both. A rule `of_file` is about the file as it
    is stored: it holds in lines, too, that Windows 98 never reaches.
    """

    id: str
    title: str
    severity: Severity
    why: str
    remedy: str
    sources: tuple[str, ...]
    bad: bytes
    good: bytes
    check: LintCheck
    of_file: bool = False

    @property
    def only_dos400(self) -> bool:
        """Whether no source speaks of Windows 9x: it was seen on, or read in, MS-DOS 4.00 alone."""
        return not any(source.startswith(("facts", "KB")) for source in self.sources)


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake in one place, in words for a person. `column` counts from 1.

    `why` is what its rule says of all such mistakes, "" where there is no more to say.
    `only_dos400` as its rule says.
    """

    rule: str
    line: int
    column: int | None
    severity: Severity
    message: str
    excerpt: str
    remedy: str
    sources: tuple[str, ...]
    why: str = ""
    only_dos400: bool = False

    def __str__(self) -> str:
        return f"line {self.line}: {self.said} [{self.rule}]"

    @property
    def said(self) -> str:
        """The message, with the shell that it is known from where that is not Windows 98's."""
        return self.message + (" (known from MS-DOS 4.00 only)" if self.only_dos400 else "")
