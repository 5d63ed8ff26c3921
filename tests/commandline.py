"""A command line carried out in this process."""

from __future__ import annotations

import contextlib
import io

from deployer.face import cli


class Written(io.StringIO):
    """Standard output; a test may say that it is a terminal."""


def called(*words: str) -> str:
    """What a command wrote on standard output. Raises its error."""
    with contextlib.redirect_stdout(Written()) as out:
        cli.call(words)
    return out.getvalue()
