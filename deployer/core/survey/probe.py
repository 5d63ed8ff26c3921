"""One question that an old PC is asked, and what is expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class SurveySection(StrEnum):
    """What a probe is about; the order is that of a survey."""

    COMMAND = "command"
    FTP = "ftp"
    DISK = "disk"
    WIN32 = "win32"
    NETWORK = "network"
    SPEED = "speed"
    DISKETTE = "diskette"  # it needs a diskette that may be filled
    CABLE = "cable"  # it needs a person who pulls the cable


OF_A_PERSON = (SurveySection.DISKETTE, SurveySection.CABLE)
"""Sections that are asked only by themselves."""


@dataclass(frozen=True, slots=True)
class SurveyProbe:
    """One question: what is run in a folder of its own, and what should be there afterwards.

    `identity` is `section.name`, the same in every version. `command` is a line of SURVEY.BAT, and
    `{home}` in it the folder of the survey. `files` and `folders` are what its own folder holds
    before; batch files call that folder `C:\\T`. `expected` has answers by their names: a line of
    an answer that is a word in braces stands for a message of the shell, whatever its words.
    `answers` are the names of what it tells that nobody expects, `words` what may stand in an
    answer beside the words of its own files. `settings` are those of the simulated PC that decide
    the answers, each with what is answered when it is the other way round; `facts` are the numbers
    of what it settles, such as B3. One that is `full` is asked in full surveys only, one that
    `hangs` after all others, since it may never end. `seconds` is how long it takes, modelled.
    """

    identity: str
    title: str
    command: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    expected: Mapping[str, str] = field(default_factory=dict)
    answers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    full: bool = False
    hangs: bool = False
    seconds: float = 1.0

    @property
    def section(self) -> SurveySection:
        """What it is about."""
        return SurveySection(self.identity.partition(".")[0])

    @property
    def name(self) -> str:
        """Its identity without the section."""
        return self.identity.partition(".")[2]
