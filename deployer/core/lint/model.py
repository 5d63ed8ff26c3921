"""The nouns of lint: what a rule finds, and the lengths it assumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from deployer.core.lint.parse import Script

Severity = Literal["error", "warning"]
#: A rule's hit: line number, column (0 = whole line), message.
Hit = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Limits:
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
    limits: Limits = field(default_factory=Limits)


Check = Callable[[Script, Context], Iterator[Hit]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that Windows 98's COMMAND.COM rejects or mangles.

    `bad` and `good` are whole batch files, lines without their ends; tests run both.
    """

    id: str
    title: str
    severity: Severity
    why: str
    remedy: str
    sources: tuple[str, ...]
    bad: bytes
    good: bytes
    check: Check


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake in one place, in words for a person. `column` counts from 1.

    `why` is what its rule says of all such mistakes, "" where there is no more to say.
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

    def __str__(self) -> str:
        return f"line {self.line}: {self.message} [{self.rule}]"
