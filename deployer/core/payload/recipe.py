"""Recipes: how a kind of payload is launched, and what goes with it.

A recipe is a TOML table; this module turns it into a value and a payload's files into the command
line of the RUN record. Reading the file is the edge's work.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from deployer.errors import ProgramNotNamed, WrongUse

MAX_COMMAND = 300
"""Longest command line: it stands in one line of the manifest, and CreateProcess takes it whole."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to launch a payload of one kind.

    `kind` is what the first file must be (`llama2.c` or `any`); `programs` are programs of ours
    that go with it; `program` are patterns of the user's own program among the files, the best
    first; `companions` are the roles of further files (such as `tokenizer`); `run` is the command
    with `{model}`, `{program}` and `{<companion>}`; `options` maps an option of `push` to what it
    adds to the command, with `{value}`, and `hexed` to what it adds when the value is not plain
    ASCII: `{value}` are then its bytes in UTF-8, in hexadecimal. An `automatic` recipe is taken
    when its kind is recognised. A model file of at most `exact_up_to` bytes is run in fp32 unless
    `quantise` is asked for.
    """

    name: str
    title: str
    kind: str = "any"
    automatic: bool = False
    programs: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    run: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    hexed: Mapping[str, str] = field(default_factory=dict)
    exact_up_to: int = 0


def with_defaults(
    recipe: Recipe, options: Sequence[tuple[str, str]], model_length: int
) -> tuple[tuple[str, str], ...]:
    """The options with what the recipe adds of its own: a small model is run exactly.

    Small models are fast enough in fp32, and print what llama2.c prints; large ones need the
    quarter of the memory and the threefold speed of int8 more.
    """
    asked = {option for option, _value in options}
    if "quantise" in asked or not 0 < model_length <= recipe.exact_up_to:
        return tuple(options)
    return (*options, ("quantise", "0"))


def parse(table: Mapping[str, Any], source: str) -> Recipe:
    """The recipe of a TOML table. Raises WrongUse that names the file and what is wrong in it."""
    try:
        recipe = msgspec.convert(table, Recipe)
        fields = {name for _, name, _, _ in string.Formatter().parse(recipe.run) if name}
    except (msgspec.ValidationError, ValueError) as error:
        raise WrongUse(what=f"{source}: {error}.", remedy="Correct the recipe.") from error
    unknown = sorted(set(table) - _FIELDS)
    if unknown:
        raise WrongUse(
            what=f"{source}: a recipe has no key '{unknown[0]}'.",
            remedy=f"Keys are: {', '.join(sorted(_FIELDS))}.",
        )
    loose = sorted(set(recipe.hexed) - set(recipe.options))
    if loose:
        raise WrongUse(
            what=f"{source}: hexed has '{loose[0]}', which is none of the options.",
            remedy="Name it in options too, or take it out of hexed.",
        )
    program = {"program"} if recipe.program else set()
    unknown = sorted(fields - {"model", *program, *recipe.companions})
    if unknown:
        raise WrongUse(
            what=f"{source}: run mentions '{{{unknown[0]}}}', which is neither the model nor a "
            "companion nor a program of the user's.",
            remedy="Name it in companions, or take it out of run.",
        )
    return recipe


_FIELDS = frozenset(Recipe.__dataclass_fields__)


def needs_model(recipe: Recipe) -> bool:
    """Whether one of the files is the recipe's model: a recognised one, or what `run` names so."""
    return recipe.kind != "any" or "{model}" in recipe.run


def pick_program(recipe: Recipe, names: Sequence[str]) -> int:
    """Which of the names (paths with `/`) is the program that the recipe starts.

    The first pattern that fits only one decides; at the top a name wins over one further down.
    Raises ProgramNotNamed when none fits, or several equally well.
    """
    ranked = sorted(range(len(names)), key=lambda n: names[n].count("/"))
    for pattern in recipe.program:
        fits = [n for n in ranked if fnmatchcase(_base(names[n]), pattern.lower())]
        depth = names[fits[0]].count("/") if fits else 0
        best = [n for n in fits if names[n].count("/") == depth]
        if len(best) > 1:
            raise ProgramNotNamed(
                recipe=recipe.name,
                what=f"{' and '.join(names[n] for n in best[:3])} could each be the program",
                remedy="Name only one of them, or say which with --run.",
            )
        if best:
            return best[0]
    raise ProgramNotNamed(
        recipe=recipe.name,
        what=f"none of the files is its program ({', '.join(recipe.program)})",
        remedy="Name the program's file too; it is not part of deployer.",
    )


def _base(name: str) -> str:
    return name.rpartition("/")[2].lower()


def command(recipe: Recipe, names: Mapping[str, str], options: Sequence[tuple[str, str]]) -> str:
    """The command line: `names` maps roles to 8.3 names, `options` are those the user gave.

    Raises WrongUse for an option that the recipe does not know and for a line that the target
    could not take.
    """
    words = [recipe.run.format_map(names)] if recipe.run else []
    for option, value in options:
        if option not in recipe.options:
            raise WrongUse(
                what=f"--{option}: recipe '{recipe.name}' has no such option.",
                remedy=f"It has: {', '.join('--' + o for o in recipe.options) or 'none'}.",
            )
        if _plain(value) or option not in recipe.hexed:
            words.append(recipe.options[option].format(value=_quoted(value)))
        else:
            words.append(recipe.hexed[option].format(value=_hexed(option, value)))
    return checked(" ".join(words))


def checked(line: str) -> str:
    """The command line itself when a target can take it. Raises WrongUse otherwise."""
    if not _plain(line):
        raise WrongUse(
            what="The command for the target contains a character outside plain ASCII.",
            remedy="Windows 98's code pages differ from PC to PC; use plain letters.",
        )
    if len(line) > MAX_COMMAND:
        raise WrongUse(
            what=f"The command for the target has {len(line)} characters; {MAX_COMMAND} fit.",
            remedy="Shorten the prompt or the options.",
        )
    return line


def _plain(text: str) -> bool:
    return all(" " <= char <= "~" for char in text)


def _hexed(option: str, value: str) -> str:
    if "\0" in value:
        raise WrongUse(
            what=f"--{option} contains a NUL character, which ends a text on the target.",
            remedy="Leave it out.",
        )
    return value.encode("utf-8", "surrogateescape").hex()


def _quoted(value: str) -> str:
    """A value as one argument of a Windows program: in quotes when it has blanks or quotes.

    Backslashes before a quote are doubled, as the C run-times of the time read them.
    """
    if value and not any(char in ' \t"' for char in value):
        return value
    escaped, backslashes = [], 0
    for char in value:
        if char == "\\":
            backslashes += 1
            continue
        escaped.append("\\" * (backslashes * 2 + 1 if char == '"' else backslashes) + char)
        backslashes = 0
    return '"' + "".join(escaped) + "\\" * (backslashes * 2) + '"'


def arguments(line: str) -> list[str]:
    """The words of a command line as a program there reads them; undoes the quoting above."""
    words: list[str] = []
    word: list[str] | None = None  # None between words: "" in quotes is one, too
    quoted, rest = False, line
    while rest:
        body = rest.lstrip("\\")
        slashes, rest = len(rest) - len(body), body[1:]
        char = body[:1]
        if not slashes and not quoted and char in " \t":
            if word is not None:
                words.append("".join(word))
            word = None
            continue
        word = [] if word is None else word
        word.append("\\" * (slashes // 2 if char == '"' else slashes))
        if char == '"' and slashes % 2 == 0:
            quoted = not quoted
        elif not quoted and char in (" ", "\t"):
            rest = body
        else:
            word.append(char)
    return words if word is None else [*words, "".join(word)]
