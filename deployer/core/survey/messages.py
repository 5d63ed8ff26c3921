"""Texts of COMMAND.COM that differ between versions and languages, as words in braces."""

from __future__ import annotations

import re

MESSAGES = {
    r"Bad command or file ?name": "{bad-command}",
    r"Invalid switch\b.*": "{invalid-switch}",
    r"File not found\b.*": "{file-not-found}",
    r"Path not found\b.*": "{path-not-found}",
    r"Syntax error": "{syntax-error}",
    r"Label not found": "{label-not-found}",
    r"Batch file missing": "{batch-missing}",
    r"Out of environment space": "{out-of-environment}",
    r" *(\d+) [Ff]ile\(s\) copied": r"{copied \1}",
    r"File creation error\b.*": "{file-creation-error}",
    r"Too many parameters\b.*": "{too-many-parameters}",
    r"Required parameter missing\b.*": "{parameter-missing}",
    r"Parameter format not correct\b.*": "{parameter-format}",
    r"Invalid keyword\b.*": "{invalid-keyword}",
    r"Invalid parameter\b.*": "{invalid-parameter}",
    r"Invalid path or file name\b.*": "{invalid-path}",
    r"Invalid filename or file not found\b.*": "{invalid-filename}",
    r"Duplicate file name or file not found": "{duplicate-or-missing}",
    r"Invalid directory": "{invalid-directory}",
    r"Directory already exists.*": "{directory-exists}",
    r"Unable to create directory.*": "{cannot-create-directory}",
    r"Invalid path, not directory,\n?(or directory not empty)?": "{cannot-remove-directory}",
    r"Attempt to remove current directory.*": "{is-current-directory}",
    r"Access denied\b.*": "{access-denied}",
    r"Content of destination lost before copy": "{destination-lost}",
    r"File cannot be copied onto itself": "{onto-itself}",
    r"Cannot do binary reads from a device": "{binary-device}",
    r"FOR cannot be nested": "{for-nested}",
    r"Must specify ON or OFF": "{on-or-off}",
    r"Invalid drive specification": "{invalid-drive}",
    r"Press any key to continue \. \. \.": "{press-a-key}",
    r"All files in directory will be deleted!": "{all-files}",
    r"Are you sure \(Y/N\)\?(.*)": r"{sure?}\1",
    r"ECHO is on": "{echo-on}",
    r"ECHO is off": "{echo-off}",
    r"VERIFY is on": "{verify-on}",
    r"VERIFY is off": "{verify-off}",
    r"BREAK is on": "{break-on}",
    r"BREAK is off": "{break-off}",
    r"No Path": "{no-path}",
    r"(?:MS-DOS|Windows 98) .*[Vv]ersion.*": "{version}",
    r"---------- (.*)": r"{find-heading \1}",
}
"""What the shell says, as the observed cases write it."""

_WORD = re.compile(r"\{[^{}]+\}.*")


def lines(text: str) -> list[str]:
    """Text as lines, the shell's messages as words in braces."""
    found = text.removesuffix("\r\n").split("\r\n") if text else []
    return [normal(line) for line in found if line != "or directory not empty"]


def normal(line: str) -> str:
    """A line, as a word in braces when it is a message that is known."""
    for pattern, word in MESSAGES.items():
        match = re.fullmatch(pattern, line, re.IGNORECASE)
        if match:
            return match.expand(word)
    return line


def agree(expected: str, found: str) -> bool:
    """Whether two answers are the same; a message may be said in other words, in other languages.

    How many lines a message has is its own matter only where nothing else stands beside it.
    """
    wanted, got = expected.split("\n"), found.split("\n")
    return len(wanted) == len(got) and all(
        one == other or (_WORD.fullmatch(one) is not None and bool(other))
        for one, other in zip(wanted, got, strict=True)
    )
