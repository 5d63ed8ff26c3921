"""The requests of the control API and the JSON forms of what they carry, for both of its ends.

`REQUESTS` is the one table, read by the daemon's application (`api`) and by its client (`remote`),
so that the two cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from deployer import errors
from deployer.core.view import Row
from deployer.host.requests import (
    AgentRequest,
    AgentRow,
    Before,
    Check,
    Heard,
    Order,
    Patience,
    Recognised,
    Request,
)

VERSION = 1


@dataclass(frozen=True, slots=True)
class RequestForm:
    """What a request takes, one after the other, and gives.

    One that `waits` for news is broken off when the daemon ends, and asked again of the next.
    """

    takes: tuple[Any, ...]
    gives: Any
    waits: bool = False


REQUESTS: Mapping[str, RequestForm] = {
    "before": RequestForm((int,), Before),
    "row": RequestForm((str,), Row | None),
    "rows": RequestForm((str, int), tuple[Row, ...]),
    "last_seq": RequestForm((), int),
    "recognise": RequestForm((Request,), Recognised),
    "push": RequestForm((Order,), str),
    "begun": RequestForm((str,), int),
    "retry": RequestForm((str, Patience | None), str),
    "sources": RequestForm((str,), tuple[str, ...]),
    "recheck": RequestForm((str,), tuple[Check, ...]),
    "cancel": RequestForm((str,), None),
    "agents": RequestForm((), tuple[AgentRow, ...]),
    "last_screen": RequestForm((str,), bytes),
    "find_agent": RequestForm((str,), AgentRow),
    "drop_agents": RequestForm((str,), tuple[AgentRow, ...]),
    "give": RequestForm((AgentRequest,), str),
    "upgrade": RequestForm((str, float), str),
    "heard": RequestForm((str, int, str), Heard, waits=True),
    "withdraw": RequestForm((str,), None),
    "pause": RequestForm((str,), None),
    "resume": RequestForm((str,), None),
}


def to_plain(value: object) -> Any:
    """A value as JSON has it; paths become strings."""
    return msgspec.to_builtins(value, enc_hook=_path_to_text)


def from_plain(value: Any, kind: Any) -> Any:
    """The value of its JSON form. Raises ValueError for anything else."""
    try:
        return msgspec.convert(value, kind, dec_hook=_text_to_path)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _path_to_text(value: object) -> str | None:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, partial):  # what a model takes: whoever is told works it out anew
        return None
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


def _text_to_path(kind: type, value: object) -> object:
    if issubclass(kind, Path) and isinstance(value, str):
        if "\0" in value:
            raise ValueError("a path with a NUL in it")
        return Path(value)
    raise NotImplementedError(f"{kind.__name__} has no JSON form")


def error_to_plain(error: errors.DeployerError) -> dict[str, Any]:
    """An error that a user sees, on its way to that user."""
    value = errors.form_of(error)
    return {"error": value.kind, "fields": dict(value.fields)}


def error_from_plain(answer: Mapping[str, Any]) -> errors.DeployerError:
    """The error of its JSON form; one of an unknown kind is an internal error."""
    fields = tuple((str(key), str(value)) for key, value in answer.get("fields", {}).items())
    return errors.error_of(errors.ErrorForm(str(answer.get("error")), fields))
