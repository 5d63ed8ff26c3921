"""Taking redirections and pipes off a line before all else (MSDOS4 TMISC1, PRESCAN)."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.sim.commandcom.dialect import NotModelled
from deployer.sim.commandcom.line.text import CR, DELIMITERS, at, skip_delimiters

#: Stands for "a name is missing": no file can have it, so opening it fails later.
NO_NAME = "\t"


@dataclass(slots=True)
class StandardFiles:
    """Names of files for standard input and output; they stay until the next line is read."""

    source: str = ""
    target: str = ""
    append: bool = False


class PipeSyntax(Exception):  # noqa: N818 - the shell says "Syntax error"
    """A pipe without a command on one side, or a quote in the name of a redirection."""


def prescan(line: str, redirection: StandardFiles, *, quoted: bool) -> tuple[str, int]:
    """The line without redirections, and how many pipes are in it; fills `redirection`.

    Quotes protect > < | up to the last pair; an odd quote protects nothing. With `quoted` a name
    may stand in quotes. Raises PipeSyntax.
    """
    out: list[str] = []
    quotes = line.count('"')
    pipes = 0
    pos = 0
    while pos < len(line):
        char = line[pos]
        pos += 1
        if char == '"':
            quotes -= 1
            if quotes:
                end = line.index('"', pos)
                out.append(line[pos - 1 : end])
                pos = end + 1
                quotes -= 1
            out.append(char)
        elif char in "<>":
            name, terminator, pos = _name(line, pos, char, redirection, quoted=quoted)
            if char == ">":
                redirection.target = name
            else:
                redirection.source = name
            if name == NO_NAME:
                break
            out.append(terminator)
        elif char == "|":
            pipes += 1
            pos = skip_delimiters(line, pos)
            if at(line, pos) in (CR, "|"):
                raise PipeSyntax
            out.append(char)
        else:
            out.append(char)
    return "".join(out), pipes


def _name(
    line: str, pos: int, char: str, redirection: StandardFiles, *, quoted: bool
) -> tuple[str, str, int]:
    """The name after < or >, the character that ends it and stays, the next position."""
    if char == ">" and at(line, pos) == ">":
        redirection.append = True
        pos += 1
    pos = skip_delimiters(line, pos)
    if at(line, pos) in (CR, "<" if char == ">" else ">"):
        return NO_NAME, "", pos
    if quoted and at(line, pos) == '"' and '"' in line[pos + 1 :]:
        end = line.index('"', pos + 1)
        name = line[pos + 1 : end]
        if "\\" in name:
            raise NotModelled("redirection into a quoted path (facts B27, KB Q180331)")
        return name, " ", end + 1
    start = pos
    while True:
        end = pos
        stop = at(line, pos)
        pos += 1
        if stop == CR:
            stop = ""
            break
        if stop in DELIMITERS or stop == "/":
            break
        if stop == '"':
            raise PipeSyntax
        if stop in "<>":
            pos, stop = pos - 1, " "
            break
    name = line[start:end]
    if len(name) > 1 and name.endswith(":"):
        name = name[:-1]
    return name, stop, pos
