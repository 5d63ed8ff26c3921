"""What a face asks of an agent, checked: the verb of its words, and the bytes that go with it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from deployer.core.agents import shell, verbs
from deployer.core.agents.overlay import AGENT_EXE
from deployer.core.agents.verbs import Ask, Go, Remove, Run, Upgrade, Verb
from deployer.edge import files, resources
from deployer.errors import FileTooLarge, NotBrought, WrongUse
from deployer.host.requests import AgentRequest

MOST_CARRIED = 16 << 20


def verb_of(order: AgentRequest, brought: Collection[str]) -> Verb:
    """The verb of an order, which may have come over a socket.

    What only COMMAND.COM can carry out goes through it. `brought` are the paths of what deployments
    have brought there, in upper case. Raises WrongUse, and NotBrought for the removal of anything
    else without force.
    """
    try:
        verb = verbs.parse(order.words)
    except ValueError as error:
        raise WrongUse(
            what=f"This cannot be asked of an agent: {error}.", remedy="See: deployer --help"
        ) from error
    if isinstance(verb, Run):
        return replace(verb, command=shell.as_started(verb.command))
    if isinstance(verb, Go | Ask | Upgrade):
        raise WrongUse(
            what=f"{order.words[0]} is not asked of an agent by itself.",
            remedy="Use deployer push, or deployer upgrade.",
        )
    if isinstance(verb, Remove) and not verb.force and verb.path.upper() not in brought:
        raise NotBrought(path=verb.path, target=order.agent)
    return verb


def carried(path: Path | None) -> bytes:
    """The file that goes with an order. Raises the errors of files."""
    if path is None:
        return b""
    length = files.length_of(path, empty_allowed=True)
    if length > MOST_CARRIED:
        raise FileTooLarge(path=path, length=length, limit=MOST_CARRIED, profile="an order's file")
    return files.read_bounded(path, MOST_CARRIED)


def newest_agent() -> tuple[Upgrade, bytes]:
    """The order that brings the agent of this version, and its program. Raises ProgramDamaged."""
    image = resources.program(AGENT_EXE)
    return Upgrade(len(image), hashlib.sha256(image).hexdigest()), image
