"""Plain English: every string that a user can see, against a list of words not to use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.face import cli

INSTEAD = {
    r"shall": "will, must",
    r"bears?|bearing|borne": "take, stand",
    r"(is|are|was|were) said": "says, reports",
    r"tells?|telling|told": "says, reports, shows",
    r"desks?|shel(f|ves)|strangers?|leash(es)?|knock(s|ed|ing)?|last words?": "no metaphors",
    r"(?<!percent )signs?(?! of life)": "characters",
    r"behind": "after, at",
    r"whom|whomever": "who, which",
    r"anew": "again",
    r"(?<!Once )upon|thus|hence|thereof|wherein|ought|lest|henceforth": "plain words",
}
"""Words not to use, and what to write instead; names in code are not looked at."""
BAD = re.compile("|".join(rf"\b(?:{words})\b" for words in INSTEAD), re.IGNORECASE)
STORY = re.compile(r"(?i)(tells?|told) (a|the|its) story")
CODE = re.compile(r"`[^`]*`|GOTO TELL|also-[a-z-]+")


def found(text: str) -> list[str]:
    """The words that are not to be used; what stands in backquotes is a name, and labels are."""
    return [match[0] for match in BAD.finditer(STORY.sub("", CODE.sub("", text)))]


def spoken(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a module that can reach a user: strings of several words, and of errors.py also
    the docstrings, which are the messages.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        if " " in node.value and (id(node) not in silent or path.name == "errors.py"):
            yield node.lineno, node.value


def test_the_list_finds_what_it_is_for() -> None:
    assert found("No byte shall be sent") == ["shall"]
    assert found("seconds of silence to bear, as it is said") == ["bear", "is said"]
    assert found("It tells what a bearer token is") == ["tells"]
    assert not found("Once upon a time: no sign of life; two percent signs; `told = 1`")


def test_no_message_uses_them(root: Path) -> None:
    """Errors, words of events, card, page, window, prompts of FTP, the lines of provision."""
    modules = [
        path
        for path in sorted((root / "deployer").rglob("*.py"))
        if path.relative_to(root / "deployer").parts[0] != "sim"
    ]
    assert len(modules) > 250
    wrong = [
        f"{path.relative_to(root)}:{line}: {words}: {text[:80]!r}"
        for path in modules
        for line, text in spoken(path)
        if (words := found(text))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_document_and_no_page_uses_them(root: Path) -> None:
    pages = [
        root / "README.md", *sorted((root / "docs").glob("*.md")),
        *sorted((root / "deployer" / "face" / "web").iterdir()),
        *sorted((root / "configs").rglob("*.toml")), root / "payloads" / "README.md",
    ]  # fmt: skip
    wrong = [
        f"{path.relative_to(root)}:{number}: {words}: {line[:100]}"
        for path in pages
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (words := found(line))
    ]
    assert not wrong, "\n".join(wrong)


MOST_IN_ONE_GROUP = 10


@pytest.mark.parametrize("line", cli.COMMANDS, ids=lambda line: line.name)
def test_the_options_of_every_command_are_grouped(line: cli.ListedCommand) -> None:
    assert line.panel
    command = cli.load(line.name)
    for one in getattr(command, "commands", {"": command}).values():
        groups: dict[str, int] = {}
        for option in one.params:
            if option.param_type_name == "option":
                panel = getattr(option, "rich_help_panel", None) or ""
                groups[panel] = groups.get(panel, 0) + 1
        assert max(groups.values(), default=0) <= MOST_IN_ONE_GROUP, (one.name, groups)
