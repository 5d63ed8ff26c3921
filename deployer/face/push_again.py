"""The command line that pushes a deployment again, for shells."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from deployer.core.payload import recipe
from deployer.core.view import Row
from deployer.model import DEFAULT_TARGET_DIRECTORY, ENGINE_EXE

_OPTIONS = {
    "-t": "--temperature", "-p": "--top-p", "-s": "--seed", "-n": "--steps", "-i": "--prompt",
    "-x": "--prompt", "-q": "--quantise",
}  # fmt: skip


def push_again(row: Row, sources: Sequence[str]) -> str:
    """`deployer push ...` for the row; `sources` are the paths of its files on this computer.

    Programs of ours that a recipe adds are left out, and its options come back from the command
    that was run.
    """
    words = ["deployer", "push", "--target", row.target]
    if row.directory != DEFAULT_TARGET_DIRECTORY:
        words += ["--to", row.directory]
    if row.line is not None:
        words += [f"--speed={row.line.speed}", f"--flow={row.line.flow}"]
    if row.recipe == "files":
        words += ["--run", row.run] if row.run else ["--no-run"]
    else:
        words += ["--recipe", row.recipe, *_options(row.run)]
        sources = [path for path in sources if not path.upper().endswith(ENGINE_EXE)]
    return shlex.join([*words, *sources])


def _options(run: str) -> list[str]:
    """The recipe's options in a command line of the engine: program, model, then pairs."""
    pairs = iter(recipe.arguments(run)[2:])
    return [
        piece
        for option, value in zip(pairs, pairs, strict=False)
        if option in _OPTIONS
        for piece in (_OPTIONS[option], _as_typed(option, value))
    ]


def _as_typed(option: str, value: str) -> str:
    """A prompt that went as bytes in hexadecimal is the text again."""
    return bytes.fromhex(value).decode("utf-8", "surrogateescape") if option == "-x" else value
