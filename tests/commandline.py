"""A command line carried out in this process."""

from __future__ import annotations

import contextlib
import io

from deployer.face import cli


def called(*words: str) -> str:
    """What a command wrote on standard output. Raises its error."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        cli.call(words)
    return out.getvalue()
