"""The agents of old PCs and their orders, beside the events that tell of them.

Of a token only the SHA-256 is here. An order is written before its event, in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from deployer.edge.store.database import Database, Record
from deployer.events import AgentGone, AgentHello, Event, OrderChanged
from deployer.model import Stage

if TYPE_CHECKING:
    from deployer.core.agents.order import AgentOrder

MOST_ORDERS = 64
"""Orders of one agent that are kept after their end; its journal keeps as many."""


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """An agent of this host. `target` is whom it was handed out for; `hello` what it said last.

    `heard` is when, in seconds since 1970, 0 for never; `gone` why it went, "" while it is there.
    """

    agent: str
    target: str
    name: str
    at: float
    address: str = ""
    mac: str = ""
    heard: float = 0.0
    hello: AgentHello | None = None
    gone: str = ""


_KNOWN = "SELECT agent, target, name, at, address, mac, heard, hello, gone FROM agents"
_ORDER = "SELECT id, agent, words, at, until, stage, code, text, deployment FROM orders"


class StoredAgents:
    """The agents and orders of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def enrol(self, known: KnownAgent, fingerprint: str) -> None:
        """Write a new agent down. One for the same target that has never called is replaced."""
        with self._db.writing():
            self._db.run("DELETE FROM agents WHERE target = ? AND heard = 0", (known.target,))
            self._db.run(
                "INSERT INTO agents (agent, secret, target, name, at) VALUES (?, ?, ?, ?, ?)",
                (known.agent, fingerprint, known.target, known.name, known.at),
            )

    def forget(self, agent: str) -> None:
        """Take an agent out, with its orders."""
        with self._db.writing():
            self._db.run("DELETE FROM agents WHERE agent = ?", (agent,))
            self._db.run("DELETE FROM orders WHERE agent = ?", (agent,))

    def all(self) -> tuple[KnownAgent, ...]:
        """Every agent, the one that was enrolled first first."""
        return tuple(map(_known, self._db.all(f"{_KNOWN} ORDER BY at, agent")))

    def secrets(self) -> dict[str, str]:
        """The fingerprint of each agent's token."""
        found = self._db.all("SELECT agent, secret FROM agents")
        return {str(agent): str(secret) for agent, secret in found}

    def keep(self, order: AgentOrder) -> None:
        """Write an order down, before the event that tells of it."""
        from deployer.core.agents import verbs  # noqa: PLC0415 - see `_order`

        words = msgspec.json.encode(verbs.words(order.verb)).decode()
        self._db.run(
            "INSERT INTO orders (id, agent, at, until, deployment, words, stage, final)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (order.order, order.agent, order.at, order.until, order.deployment, words, order.stage),
        )

    def order(self, identity: str) -> AgentOrder | None:
        """An order, None for one that is not known any more."""
        return next(self._orders("WHERE id = ?", identity), None)

    def open(self, agent: str) -> tuple[AgentOrder, ...]:
        """The orders of an agent that have not ended, the oldest first."""
        return tuple(self._orders("WHERE agent = ? AND NOT final ORDER BY at, rowid", agent))

    def ended(self, agent: str) -> Iterator[AgentOrder]:
        """The orders of an agent that have ended, the newest first."""
        return self._orders("WHERE agent = ? AND final ORDER BY at DESC, rowid DESC", agent)

    def _orders(self, where: str, value: str) -> Iterator[AgentOrder]:
        for record in self._db.all(f"{_ORDER} {where}", (value,)):
            if (order := _order(record)) is not None:
                yield order

    def outdated(self, agent: str) -> tuple[str, ...]:
        """Forget the orders of an agent that ended longest ago; their ids."""
        found = self._db.all(
            "SELECT id FROM orders WHERE agent = ? AND final ORDER BY at DESC LIMIT -1 OFFSET ?",
            (agent, MOST_ORDERS),
        )
        for (identity,) in found:
            self._db.run("DELETE FROM orders WHERE id = ?", (identity,))
        return tuple(str(identity) for (identity,) in found)

    def fold(self, event: Event) -> None:
        """Take in an event, within the transaction that writes it."""
        match event:
            case AgentHello():
                self._db.run(
                    "UPDATE agents SET address = ?, mac = ?, heard = ?, hello = ?, gone = '',"
                    " name = CASE WHEN name = '' THEN ? ELSE name END WHERE agent = ?",
                    (event.peer, event.mac, event.at, msgspec.json.encode(event).decode(),
                     event.name, event.agent),
                )  # fmt: skip
            case AgentGone():
                self._db.run("UPDATE agents SET gone = ? WHERE agent = ?", (event.why, event.agent))
            case OrderChanged():
                self._db.run(
                    "UPDATE orders SET stage = ?, final = ?, code = ?, text = ? WHERE id = ?",
                    (event.stage, event.stage.final, event.code, event.text, event.order),
                )


def _known(record: Record) -> KnownAgent:
    agent, target, name, at, address, mac, heard, hello, gone = record
    return KnownAgent(agent, target, name, at, address, mac, heard, _hello(hello), gone)


def _hello(text: str) -> AgentHello | None:
    """What it said last; None for nothing, and for what cannot be read any more."""
    try:
        return msgspec.json.decode(text, type=AgentHello) if text else None
    except msgspec.MsgspecError:
        return None


def _order(record: Record) -> AgentOrder | None:
    # Imported when there is an order: who asks for deployments only need not load agents' words.
    from deployer.core.agents import verbs  # noqa: PLC0415
    from deployer.core.agents.order import AgentOrder  # noqa: PLC0415

    identity, agent, words, at, until, stage, code, text, deployment = record
    try:
        verb = verbs.parse(msgspec.json.decode(words, type=list[str]))
        return AgentOrder(identity, agent, verb, at, until, Stage(stage), code, text, deployment)
    except (msgspec.MsgspecError, ValueError):
        return None
