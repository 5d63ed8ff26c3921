"""An order for an agent, from asking to its end: what it prints, and what its end means."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import assert_never

from deployer.core.target import manifest
from deployer.core.target.gobat import MEDIA_MARK
from deployer.core.target.names import LEFT_BY_PULLS, OUR_NAMES
from deployer.errors import AgentAway, NotBack, OrderLost, OrderRefused
from deployer.host.requests import AgentRequest, AgentRow, Heard, Host, Say
from deployer.model import Stage

_END_SHOWN = 5.0
"""Seconds that the end of an order may take to be shown after a Ctrl-C."""
_LOOK = 0.5
_IDENTITY = re.compile(r"D[0-9A-F]{7}\.(BAT|ASK|LST|TMP|PA[A-P])")
_HEAD = 1024
"""Bytes in which it stands what a file is that a pull has left."""


Noted = Callable[[str], Awaitable[object]]
"""Told the id of an order as soon as it has one."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Whom is asked for what, and how long its agent is waited for."""

    host: Host
    agent: AgentRow
    seconds: float
    say: Say


async def ask(errand: Errand, *words: str, **more: object) -> bytes:
    """Have an order carried out; all that it sent. Raises what its end means."""
    got: list[bytes] = []
    await follow(errand, await give(errand, *words, **more), words[0], got.append)
    return b"".join(got)


async def give(errand: Errand, *words: str, **more: object) -> str:
    """Queue an order; its id."""
    request = AgentRequest(errand.agent.agent, words, errand.seconds, **more)  # type: ignore[arg-type]
    return await errand.host.give(request)


async def follow(
    errand: Errand,
    order: str,
    what: str,
    put: Callable[[bytes], object] = lambda _data: None,
    *,
    leave: bool = False,
) -> Heard:
    """Hand over what an order sends, as it comes, to its end. Raises what that means.

    When this is cancelled, what the order has started there is ended, unless it is to be left.
    """
    try:
        heard = await _until_over(errand, order, put)
    except asyncio.CancelledError:
        if leave:
            raise
        await errand.host.withdraw(order)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SHOWN):
                await _until_over(errand, order, lambda _data: None)
        raise
    _raise_for(errand, what, heard)
    return heard


async def _until_over(errand: Errand, order: str, put: Callable[[bytes], object]) -> Heard:
    offset, seen, here = 0, "", errand.agent.here
    if not here:
        errand.say(
            f"The agent on {errand.agent.called} is not there now; waiting up to "
            f"{errand.seconds:.0f} s until it calls."
        )
    while True:
        heard = await errand.host.heard(order, offset, seen)
        if heard.data:
            put(heard.data)
        offset, seen = offset + len(heard.data), heard.mark
        if heard.over:
            return heard
        if heard.here != here:
            here = heard.here
            errand.say(
                f"The agent on {errand.agent.called} is {'there' if here else 'gone'}"
                f"{'.' if here else '; waiting until it calls again.'}"
            )


def _raise_for(errand: Errand, what: str, heard: Heard) -> None:
    target = errand.agent.called
    match heard.stage:
        case Stage.DONE:
            return
        case Stage.REFUSED:
            raise OrderRefused(target=target, what=what, text=heard.text, code=heard.code)
        case Stage.LOST:
            raise OrderLost(target=target, what=what, text=heard.text)
        case Stage.EXPIRED:
            raise AgentAway(target=target, seconds=f"{errand.seconds:.0f}", text=heard.text)
        case Stage.QUEUED | Stage.GIVEN | Stage.TAKEN:
            raise AssertionError(heard.stage)
        case _:
            assert_never(heard.stage)


async def take_away(errand: Errand, deployment: str, directory: str) -> tuple[str, ...]:
    """Delete what is ours beside an agent, after a deployment that has cleaned `directory`.

    The names of what was deleted. The agent itself stays, with its files, and so does the list of
    what was delivered, while something of that is there. Raises the errors of orders.
    """
    own = manifest.own_directory(directory)
    await _once(errand, lambda row: row.here and not row.busy, errand.seconds)
    known, gone = manifest.list_name(directory), list[str]()
    listing = (await ask(errand, "LS", f"{own}\\*.*")).decode("cp437", "replace")
    for line in listing.splitlines():
        attributes, length, _date, name, *_long = f"{line}\t\t\t\t".split("\t")
        place = f"{own}\\{name}"
        if "D" in attributes:
            continue
        if name == known:
            data = await ask(errand, "GET", place, "0", length)
            ours = not any(each.startswith(b"F ") for each in data.splitlines())
        elif _IDENTITY.fullmatch(name):
            end = name[-3:]
            marks = LEFT_BY_PULLS.get(f"{end[:2]}?" if end[:2] == "PA" else end)
            most = length if marks is None else str(min(int(length), _HEAD))
            data = await ask(errand, "GET", place, "0", most)
            ours = all(mark.encode() in data for mark in marks or (f"{MEDIA_MARK}{name}",))
        else:
            ours = name in OUR_NAMES or name in (f"{deployment}.MAN", f"{deployment}.STA")
        if ours:
            await ask(errand, "RM", place, "1")
            gone.append(name)
    with contextlib.suppress(OrderRefused):
        await ask(errand, "RM", own, "1")  # it goes when it is empty: the agent is elsewhere
    return tuple(gone)


async def restart(errand: Errand, patience: float) -> AgentRow:
    """Restart the old PC. Proved by an agent that calls from another start of its Windows.

    Raises NotBack when none does in so many seconds.
    """
    before = await _boot(errand)
    with contextlib.suppress(OrderLost):  # it may have gone before it could answer
        await ask(errand, "POWER", "reboot")
    found = await _once(errand, lambda row: row.here and row.boot != before, patience)
    if found is None:
        raise NotBack(
            target=errand.agent.called, what="restart", seconds=f"{patience:.0f}",
            text="has not called again",
        )  # fmt: skip
    return found


async def switch_off(errand: Errand, patience: float) -> AgentRow:
    """Switch the old PC off. Proved by its agent's goodbye. Raises NotBack when it stays.

    One that somebody switches on at once was off, too: it calls from another start.
    """
    before = await _boot(errand)
    await ask(errand, "POWER", "off")
    found = await _once(errand, lambda row: not row.here or row.boot != before, patience)
    if found is None:
        raise NotBack(
            target=errand.agent.called, what="switch itself off", seconds=f"{patience:.0f}",
            text="has not gone",
        )  # fmt: skip
    return found


async def _boot(errand: Errand) -> str:
    """From which start of its Windows the agent calls, once it is there."""
    here = await _once(errand, lambda row: row.here, errand.seconds)
    return (here or errand.agent).boot


async def _once(
    errand: Errand, wanted: Callable[[AgentRow], bool], patience: float
) -> AgentRow | None:
    """The agent's row as soon as it is as wanted; None when it has not been in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while True:
                row = await errand.host.find_agent(errand.agent.agent)
                if wanted(row):
                    return row
                await asyncio.sleep(_LOOK)
    return None
