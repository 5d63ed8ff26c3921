"""Who is there, and what each agent is to do. One loop's thread; no thread waits for an agent.

An agent that waits costs a timer and an entry here. What an agent says is written down before it is
answered, and an order before it leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import assert_never

from deployer.core.agents import order as orders
from deployer.core.agents import overlay, verbs, words
from deployer.core.agents.order import AgentOrder
from deployer.core.agents.overlay import Enrolment
from deployer.core.agents.verbs import Ask, Feed, Forget, Go, Kill, Run, Screen, Verb
from deployer.core.agents.words import Bye, Done, Hello, WaitForOrder, Word
from deployer.core.ftp import session as said
from deployer.core.target.codepages import CodePages
from deployer.edge.ftp.state import Caller
from deployer.edge.store import Store
from deployer.edge.store.agents import KnownAgent
from deployer.errors import STORE_TROUBLES, AgentUnknown, WrongUse
from deployer.events import AgentEnd, AgentEnrolled, AgentGone, AgentHello, Event, OrderChanged
from deployer.host import past
from deployer.host.agents.doors import Doors, Files, length_of
from deployer.host.agents.worker import worker
from deployer.host.requests import AgentRow, Heard
from deployer.model import Stage, is_simulated

AWAY = 900.0
"""Seconds that an agent may be away before what it was given counts as lost."""

LOOK = 20.0
"""Seconds that `heard` waits for news at most."""

_PIECE = 256 << 10
_REMEMBERED = 256
_SAID: dict[str, AgentEnd] = {
    "shutdown": "shutdown", "logoff": "logoff", "disconnect": "disconnect", "remove": "remove",
}  # fmt: skip
_HELLO_FIRST = "503 Say SITE HELLO first."


@dataclass(slots=True)
class _Present:
    """An agent that is there. `given` is the order that left over this connection last; `unsure`
    are those that left over an earlier one, of which it has to be asked.
    """

    caller: Caller
    hello: AgentHello
    heard: float
    silence: asyncio.TimerHandle | None = None
    waiting: asyncio.TimerHandle | None = None
    given: str = ""
    unsure: set[str] = field(default_factory=set)


class Room:
    """The agents of one service.

    `publish` writes an event down and publishes it, or raises StoreBusy or StoreFull; `tell` does
    so as soon as that can be. `called` is told when an agent has called.
    """

    def __init__(
        self,
        store: Store,
        publish: Callable[[Event], None],
        tell: Callable[[Event], None],
        clock: Callable[[], float],
        called: Callable[[], None] = lambda: None,
        *,
        away: float = AWAY,
    ) -> None:
        self._store, self._publish, self._tell, self._clock = store, publish, tell, clock
        self._called = called
        self._away = away
        self.doors = Doors(store.inbox)
        self._present: dict[str, _Present] = {}
        self._orders: dict[str, AgentOrder] = {}
        self._ended: dict[str, AgentOrder] = {}
        self._instead: dict[str, str] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._changed = asyncio.Event()
        self._code_pages: dict[str, CodePages] = {}

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer from now on, in this loop."""
        self._loop = loop
        self.doors.open(loop, self)
        self._refresh()

    def close(self) -> None:
        """No timer runs any more."""
        for timer in self._timers.values():
            timer.cancel()
        for present in self._present.values():
            _stop(present)

    def _refresh(self) -> None:
        """Who may log in now, and from where they are known to call."""
        self.doors.secrets = self._store.agents.secrets()
        known = self._store.agents.all()
        self.doors.addresses = frozenset(each.address for each in known if each.address)

    # --- what a face asks

    def rows(self) -> tuple[AgentRow, ...]:
        """Every agent of this host."""
        return tuple(map(self._row, self._store.agents.all()))

    def _row(self, known: KnownAgent) -> AgentRow:
        present = self._present.get(known.agent)
        hello = present.hello if present else known.hello
        busy = [o for o in self._of(known.agent) if o.stage in (Stage.GIVEN, Stage.TAKEN)]
        pages = self._pages(known.agent)
        return AgentRow(
            agent=known.agent,
            name=known.name,
            target=known.target,
            address=known.address,
            mac=known.mac,
            here=present is not None,
            heard=known.heard,
            gone=known.gone,
            busy=verbs.shown(busy[0].verb) if busy else "",
            boot=hello.boot if hello else "",
            version=hello.version if hello else "",
            system=hello.system if hello else "",
            cpu=hello.cpu if hello else "",
            memory=hello.memory if hello else 0,
            free=hello.free if hello else 0,
            codepage=pages.ansi,
            oem_codepage=pages.oem,
        )

    def _pages(self, agent: str) -> CodePages:
        """What the PC of an agent has said in a report; the usual ones until it has."""
        if agent not in self._code_pages:
            known = next((each for each in self._store.agents.all() if each.agent == agent), None)
            rows = past.Rows(self._store)
            names = [known.target, known.address] if known else []
            found = next((pages for name in names if (pages := rows.pages(name))), None)
            if found is None:
                return CodePages()
            self._code_pages[agent] = found  # they do not change while Windows is there
        return self._code_pages[agent]

    def find(self, target: str) -> AgentRow:
        """The agent that a user means: by id, by name, by address, or by whom it is for.

        Of several the one that is there, then the one heard of last. Raises AgentUnknown.
        """
        return max(self._meant(target), key=lambda row: (row.here, row.heard))

    def _meant(self, target: str) -> list[AgentRow]:
        word = target.lower()
        rows = [
            row
            for row in self.rows()
            if word in (row.agent.lower(), row.name.lower(), row.address, row.target.lower())
        ]
        if not rows:
            raise AgentUnknown(target=target)
        return rows

    def drop(self, target: str) -> tuple[AgentRow, ...]:
        """Take the agents of a target that are away out of the list, with all that they sent.

        Which ones those were. Raises AgentUnknown, WrongUse when all are there, StoreBusy,
        StoreFull.
        """
        away = tuple(row for row in self._meant(target) if not row.here)
        if not away:
            raise WrongUse(
                what=f"The agent on {target} is there.",
                remedy=f"Have it remove itself: deployer forget {target}",
            )
        for row in away:
            told = AgentGone(self._clock(), "", row.address, row.agent, row.name, "dropped")
            self._publish(told)
            self._take_out(row.agent)
            shutil.rmtree(self._store.inbox / row.agent, ignore_errors=True)
        self._wake()
        return away

    def at(self, target: str, address: str) -> str:
        """The agent that is there for a target of a push; "" for none.

        For whoever comes it is the one that is there, if there is only one.
        """
        known = {each.agent: each for each in self._store.agents.all()}
        real = {agent: each for agent, each in known.items() if not is_simulated(each.target)}
        here = {agent: present.hello.peer for agent, present in self._present.items()}
        for agent in here:
            if agent in known and known[agent].target == target:
                return agent
        if is_simulated(target):
            return ""
        found = [agent for agent, at in here.items() if agent in real and address in (at, "")]
        return found[0] if found and (address or len(found) == 1) else ""

    def knows(self, agent: str) -> bool:
        """Whether that agent may call."""
        return agent in self.doors.secrets

    def enrol(self, target: str, host: str, port: int, name: str = "", also: str = "") -> Enrolment:
        """A new agent for a target, written down. Raises StoreBusy, StoreFull."""
        enrolled = Enrolment(
            f"A-{secrets.token_hex(4).upper()}", secrets.token_hex(16), host, port, name, also
        )
        at = self._clock()
        with self._store.together():
            self._store.agents.enrol(
                KnownAgent(enrolled.agent, target, name, at), overlay.fingerprint(enrolled.token)
            )
            self._publish(AgentEnrolled(at, "", target, enrolled.agent, name))
        self._refresh()
        return enrolled

    def give(
        self,
        agent: str,
        verb: Verb,
        seconds: float,
        *,
        carried: bytes = b"",
        deployment: str = "",
    ) -> str:
        """Queue an order, which may wait so many seconds for its agent; its id.

        Raises WrongUse for what cannot be said in an order, StoreBusy, StoreFull, OSError.
        """
        identity = _new_id()
        if isinstance(verb, Kill | Feed):
            verb = replace(verb, order=self._latest(verb.order))
        try:
            page = self._pages(agent).ansi
            verbs.line(identity, verb, page)
            long = verbs.is_long(verb, page)
        except ValueError as error:
            raise WrongUse(
                what=f"This cannot be asked of an agent: {error}.",
                remedy="Use characters that Windows 98 has, and shorter names.",
            ) from error
        if long and isinstance(verb, Run):
            carried = verb.command.encode(f"cp{page}") + b"\r\n" + carried
        at = self._clock()
        order = AgentOrder(identity, agent, verb, at, at + seconds, deployment=deployment)
        if carried or _carries(verb):
            path = self._path(agent, f"F.{identity}")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(carried)
        with self._store.together():
            self._store.agents.keep(order)
            self._publish(_event(order, at))
        self._keep(order)
        self._go_on(agent)
        return identity

    def withdraw(self, identity: str) -> None:
        """Nobody wants it any more: it is not given, or what it has started is ended there."""
        order = self._orders.get(self._latest(identity))
        if order is None:
            return
        moved = orders.withdrawn(order)
        self._move(order, moved)
        if moved.stage == order.stage and isinstance(order.verb, Run):
            self.give(order.agent, Kill(order.order), self._away)

    async def heard(self, identity: str, offset: int, seen: str) -> Heard:
        """What came of an order from `offset` on, as soon as there is more than was `seen`.

        Of one that was damaged on its way, what came of the order that has taken its place. Waits
        for `LOOK` seconds at most. Raises WrongUse for an order that is not known.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                while True:
                    found = self._heard(identity, offset)
                    if found.data or found.mark != seen:
                        return found
                    await self._changed.wait()
        return self._heard(identity, offset)

    def _heard(self, identity: str, offset: int) -> Heard:
        order = self._known(self._latest(identity))
        letter, _limit = verbs.uploads(order.verb)
        path = self._path(order.agent, f"{letter}.{order.order}")
        readable = letter == "O" or (letter == "A" and order.stage.final)
        data = _read(path, offset) if readable else b""
        here = order.agent in self._present
        return Heard(
            stage=order.stage,
            code=order.code,
            text=order.text,
            here=here,
            data=data,
            over=order.stage.final and offset + len(data) >= length_of(path),
        )

    def _latest(self, identity: str) -> str:
        """The order itself, or the one that has taken its place."""
        while identity in self._instead:
            identity = self._instead[identity]
        return identity

    def _known(self, identity: str) -> AgentOrder:
        order = self._orders.get(identity) or self._ended.get(identity)
        if order is None:
            order = self._store.agents.order(identity)
            if order is None:
                raise WrongUse(
                    what=f"There is no order {identity} any more.", remedy="Give it again."
                )
            if not order.stage.final:
                self._keep(order)
        return order

    def last_screen(self, agent: str) -> bytes:
        """The picture of its screen that an agent has sent last, as a BMP; b"" for none."""
        for order in self._store.agents.ended(agent):
            if isinstance(order.verb, Screen) and order.stage == Stage.DONE:
                return _whole(self._path(agent, f"A.{order.order}"))
        return b""

    # --- orders

    def _of(self, agent: str) -> list[AgentOrder]:
        return [order for order in self._orders.values() if order.agent == agent]

    def _path(self, agent: str, name: str) -> Path:
        return self._store.inbox / agent / name

    def _keep(self, order: AgentOrder) -> None:
        """Look after an order from now on."""
        self._orders[order.order] = order
        self._watch(order)
        self._open_files(order.agent)

    def _watch(self, order: AgentOrder) -> None:
        """Its time is up when it was not given by then, or when its agent is away for too long."""
        timer = self._timers.pop(order.order, None)
        if timer is not None:
            timer.cancel()
        if order.stage == Stage.QUEUED:
            left, end = order.until - self._clock(), orders.expired
        elif order.agent not in self._present:
            left, end = self._away, orders.given_up
        else:
            return

        def is_up() -> None:
            now = self._orders.get(order.order)
            if now is not None and now.stage == order.stage:
                self._move(now, end(now))

        self._timers[order.order] = self._loop.call_later(max(0.0, left), is_up)

    def _move(self, before: AgentOrder, after: AgentOrder) -> None:
        """An order stands otherwise; told as soon as that can be written down."""
        if after is not before:
            if (after.stage, after.code, after.text) != (before.stage, before.code, before.text):
                self._tell(_event(after, self._clock()))
            self._adopt(after)

    def _adopt(self, order: AgentOrder) -> None:
        if not order.stage.final:
            self._orders[order.order] = order
            self._watch(order)
        else:
            self._orders.pop(order.order, None)
            timer = self._timers.pop(order.order, None)
            if timer is not None:
                timer.cancel()
            self._ended[order.order] = order
            while len(self._ended) > _REMEMBERED:
                oldest = next(iter(self._ended))
                self._ended.pop(oldest)
                self._instead.pop(oldest, None)
            self._tidy(order)
            if order.deployment and order.stage in (Stage.LOST, Stage.EXPIRED):
                self._loop.call_soon(self._called)  # it may be fetched anew
        self._wake()

    def _tidy(self, order: AgentOrder) -> None:
        """An order that has ended fetches nothing more; the oldest answers of its agent go."""
        self._open_files(order.agent)
        self._path(order.agent, f"F.{order.order}").unlink(missing_ok=True)
        with contextlib.suppress(*STORE_TROUBLES, OSError):
            for old in self._store.agents.outdated(order.agent):
                for letter in "OA":
                    self._path(order.agent, f"{letter}.{old}").unlink(missing_ok=True)

    def _open_files(self, agent: str) -> None:
        files = tuple(
            Files(
                f"F.{order.order}" if self._path(agent, f"F.{order.order}").exists() else "",
                f"{letter}.{order.order}" if letter else "",
                limit,
            )
            for order in self._of(agent)
            for letter, limit in (verbs.uploads(order.verb),)
        )
        self.doors.files = {**self.doors.files, agent: files}

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # --- what agents say

    def said(self, agent: str, caller: Caller, word: Word) -> None:
        """See `edge.ftp.state.Agents`."""
        present = self._present.get(agent)
        ours = present is not None and present.caller is caller
        if present is not None and ours:
            present.heard = self._loop.time()
        try:
            match word:
                case Hello():
                    self._hello(agent, caller, word)
                case WaitForOrder(seconds=seconds):
                    if present is None or not ours:
                        caller.answer(_HELLO_FIRST)
                        return
                    self._wait(agent, present, seconds)
                case Done():
                    damaged = self._done(agent, word)
                    caller.answer(f"200 DONE {word.order}")
                    if damaged:
                        self._leave(agent, "lost")
                        caller.dismiss_later(said.DAMAGED)
                    else:
                        self._go_on(agent)
                case Bye(reason=reason):
                    if ours:
                        self._leave(agent, _SAID.get(reason, "disconnect"))
                    caller.answer("200 BYE")
                case _:
                    assert_never(word)
        except STORE_TROUBLES:
            caller.answer(said.NOT_STORED)

    def _hello(self, agent: str, caller: Caller, hello: Hello) -> None:
        if agent not in self.doors.secrets:  # forgotten since it logged in
            caller.dismiss_later(said.TAKEN_OVER)
            return
        at = self._clock()
        told = AgentHello(
            at, "", caller.address, agent, hello.name, hello.boot, hello.version, hello.system,
            hello.cpu, hello.memory, hello.free, hello.mac, hello.busy,
        )  # fmt: skip
        self._publish(told)
        before = self._present.get(agent)
        if before is not None:
            _stop(before)
            if before.caller is not caller:
                before.caller.dismiss_later(said.TAKEN_OVER)
        present = self._present[agent] = _Present(caller, told, self._loop.time())
        self._listen(agent, present)
        for order in (*self._store.agents.open(agent), *self._of(agent)):
            self._orders.setdefault(order.order, order)
        for order in self._of(agent):
            moved = orders.after_hello(order, hello, at)
            is_open = moved.stage in (Stage.GIVEN, Stage.TAKEN)
            if is_open and not orders.is_going_on(moved, hello):
                present.unsure.add(order.order)
            self._move(order, moved)
            if moved is order:
                self._watch(order)
        self._refresh()
        self._open_files(agent)
        caller.answer(f"200 HELLO {worker().told}".rstrip())
        self._wake()
        self._called()

    def _wait(self, agent: str, present: _Present, seconds: float) -> None:
        given = self._orders.get(present.given)
        present.given = ""
        if given is not None:
            self._move(given, orders.taken(given))
        if present.waiting is not None:
            present.waiting.cancel()
        present.waiting = self._loop.call_later(seconds, self._nothing, present)
        self._go_on(agent)

    def _nothing(self, present: _Present) -> None:
        if present.waiting is not None:
            present.waiting.cancel()
            present.waiting = None
            present.caller.answer(said.NO_WAIT)

    def _go_on(self, agent: str) -> None:
        """Give the next order to an agent that waits for one."""
        present = self._present.get(agent)
        if present is None or present.waiting is None:
            return
        order = self._next(agent, present)
        if order is None:
            return
        moved = orders.given(order)
        if moved.stage != order.stage:
            try:
                self._publish(_event(moved, self._clock()))
            except STORE_TROUBLES:
                return  # it stays queued, and is given at the next WAIT
        self._adopt(moved)
        present.waiting.cancel()
        present.waiting, present.given = None, order.order
        present.unsure.discard(order.order)
        verb = Ask() if moved.asking else order.verb
        present.caller.answer(verbs.line(order.order, verb, self._pages(agent).ansi))

    def _next(self, agent: str, present: _Present) -> AgentOrder | None:
        """What is to leave now: first what is not known of, then the oldest that may."""
        own = self._of(agent)
        for order in own:
            if order.order in present.unsure:
                return order
        under_way = [o for o in own if o.stage in (Stage.GIVEN, Stage.TAKEN)]
        long = [o for o in under_way if not verbs.is_short(o.verb)]
        short = [o for o in under_way if verbs.is_short(o.verb)]
        for order in own:
            if order.stage != Stage.QUEUED:
                continue
            if isinstance(order.verb, Kill) or not under_way:
                return order
            if long and not short and verbs.is_short(order.verb):
                return order
        return None

    def _done(self, agent: str, done: Done) -> bool:
        """Take in how an order ended. Whether it was damaged on its way, and another is queued.

        Then the agent is to call anew: what it was told of its worker may be what was damaged.
        """
        order = self._orders.get(done.order) or self._store.agents.order(done.order)
        if order is None or order.agent != agent:
            return False
        at = self._clock()
        moved = orders.answered(order, done, at)
        another = orders.again(moved, _new_id(), at) if moved.stage != order.stage else None
        if another is not None:
            with self._store.together():  # the new one first, so that no end is without it
                self._store.agents.keep(another)
                self._publish(_event(another, at))
                self._publish(_event(moved, at))
            self._take_place(order, another)
        elif moved.stage != order.stage:
            self._publish(_event(moved, at))
        if moved is not order:
            self._adopt(moved)
        if isinstance(order.verb, Forget) and moved.stage == Stage.DONE:
            self._leave(agent, "remove")
        return another is not None

    def _take_place(self, order: AgentOrder, another: AgentOrder) -> None:
        """What goes with an order goes with the one that is given instead."""
        with contextlib.suppress(FileNotFoundError):
            carried = self._path(order.agent, f"F.{order.order}")
            carried.replace(self._path(order.agent, f"F.{another.order}"))
        self._instead[order.order] = another.order
        self._keep(another)

    def _leave(self, agent: str, why: AgentEnd) -> None:
        """An agent is not there any more."""
        present = self._present.pop(agent, None)
        if present is None:
            return
        _stop(present)
        hello = present.hello
        self._tell(AgentGone(self._clock(), "", hello.peer, agent, hello.name, why))
        for order in self._of(agent):
            self._watch(order)
        if why == "remove":
            with contextlib.suppress(*STORE_TROUBLES):
                self._take_out(agent)
        self._wake()

    def _take_out(self, agent: str) -> None:
        """It is not known any more; what it was to do is not done, or lost."""
        for order in (*self._store.agents.open(agent), *self._of(agent)):
            self._orders.setdefault(order.order, order)
        for order in self._of(agent):
            self._move(order, orders.given_up(orders.withdrawn(order)))
        self._store.agents.forget(agent)
        self._refresh()

    def _listen(self, agent: str, present: _Present) -> None:
        """Notice its silence."""
        left = present.heard + words.SILENCE - self._loop.time()
        if left > 0:
            present.silence = self._loop.call_later(left, self._listen, agent, present)
        elif self._present.get(agent) is present:
            self._leave(agent, "silence")
            present.caller.dismiss_later(said.SILENT)

    def interrupted(self, caller: Caller) -> None:
        """See `edge.ftp.state.Agents`."""
        for present in self._present.values():
            if present.caller is caller:
                present.heard = self._loop.time()
                self._nothing(present)

    def gone(self, agent: str, caller: Caller) -> None:
        """See `edge.ftp.state.Agents`."""
        present = self._present.get(agent)
        if present is not None and present.caller is caller:
            self._leave(agent, "lost")

    def began(self, agent: str, name: str) -> None:
        """See `edge.ftp.state.Agents`."""
        order = self._orders.get(name[2:])
        if order is not None and order.agent == agent:
            self._move(order, orders.taken(order))
        self.grew(agent, name)

    def grew(self, agent: str, name: str) -> None:
        """See `edge.ftp.state.Agents`."""
        del name
        if agent in self._present:
            self._present[agent].heard = self._loop.time()
        self._wake()

    def arrived(self, agent: str, name: str) -> None:
        """See `edge.ftp.state.Agents`."""
        self.grew(agent, name)

    # --- pushes

    def has_left(self, target: str, address: str, deployment: str) -> bool:
        """Whether the agent of a target is here and about nothing, so not about that deployment."""
        agent = self.at(target, address)
        present = self._present.get(agent)
        if present is None or present.hello.busy:
            return False
        return not any(order.deployment == deployment for order in self._of(agent))

    def go(self, target: str, address: str, verb: Go) -> str:
        """Let the agent of a target fetch a deployment, if one is there; its order, "" for none."""
        agent = self.at(target, address)
        if not agent or any(order.deployment == verb.user for order in self._of(agent)):
            return ""
        return self.give(agent, verb, words.SILENCE, deployment=verb.user)


def _new_id() -> str:
    return secrets.token_hex(4).upper()


def _stop(present: _Present) -> None:
    for timer in (present.silence, present.waiting):
        if timer is not None:
            timer.cancel()
    present.silence = present.waiting = None


def _carries(verb: Verb) -> bool:
    match verb:
        case Run(stdin=stdin):
            return stdin
        case verbs.Upgrade() | verbs.Put():
            return True
        case _:
            return False


def _event(order: AgentOrder, at: float) -> OrderChanged:
    return OrderChanged(
        at, order.deployment, order.agent, order.order, verbs.shown(order.verb), order.stage,
        order.code, order.text,
    )  # fmt: skip


def _whole(path: Path) -> bytes:
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""


def _read(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(_PIECE)
    except OSError:
        return b""
