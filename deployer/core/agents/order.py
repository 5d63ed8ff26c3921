"""The life of one order, as a host knows it. Pure: what follows is for `host/agents` to do.

    queued --given--> given --taken--> taken --DONE--> done | refused | lost
    queued --time is up--> expired        given, taken --never answered--> lost

An order that was given may have been done, whatever becomes of the connection. So after a lost
connection its agent is asked what its journal says, and only an order that is not there is given
again, while somebody still wants it. It is `done` when the agent says so, and never else.

What was damaged on its way is refused, and was not begun: another order takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from deployer.core.agents.verbs import Verb
from deployer.core.agents.words import Done, Hello, OrderEnd, meaning
from deployer.model import Stage

NEVER_ANSWERED = "it was given and never answered; it may have been done"
POWER_WENT = "the old PC stopped in the middle of it; it may be half done"
NOT_GIVEN = "its agent did not call in time; it was not done"
WITHDRAWN = "it was withdrawn before it was given; it was not done"
NOT_TAKEN = "it did not reach the old PC; it was not done"

BUSY, UNKNOWN = 170, 1168
"""Windows errors with which an agent answers a question: it goes on; it is not in the journal."""

CHECK, UNREAD = 23, 50
"""Windows errors with which an agent refuses what it has not begun: the sum of what it fetched for
the order is wrong; it cannot read the order.
"""

MOST_TRIES = 3
"""How often the same is asked for."""

_GIVEN_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class AgentOrder:
    """One order. `until` is when it is not to be given any more, in seconds since 1970.

    `deployment` is the one that a GO is for. `code` and `text` are the agent's. While `asking`, the
    next answer is one to the question what has become of it. `tries` counts the orders for it.
    """

    order: str
    agent: str
    verb: Verb
    at: float
    until: float
    stage: Stage = Stage.QUEUED
    code: int = 0
    text: str = ""
    deployment: str = ""
    asking: bool = False
    tries: int = 1


def given(order: AgentOrder) -> AgentOrder:
    """It is about to leave; or, when it has left before, the question what has become of it."""
    if order.stage == Stage.QUEUED:
        return replace(order, stage=Stage.GIVEN)
    return replace(order, asking=True)


def taken(order: AgentOrder) -> AgentOrder:
    """The agent is about it."""
    if order.stage == Stage.GIVEN and not order.asking:
        return replace(order, stage=Stage.TAKEN)
    return order


def answered(order: AgentOrder, done: Done, now: float) -> AgentOrder:
    """What the agent has said of it. One that has ended by an answer stays as it is."""
    if order.stage in (Stage.QUEUED, Stage.DONE, Stage.REFUSED, Stage.EXPIRED):
        return order
    asked, order = order.asking, replace(order, asking=False)
    match done.how:
        case OrderEnd.NO if asked and done.code == BUSY:
            return replace(order, stage=Stage.TAKEN)
        case OrderEnd.NO if asked and done.code == UNKNOWN:
            if now <= order.until:
                return replace(order, stage=Stage.QUEUED)
            return replace(order, stage=Stage.EXPIRED, text=NOT_TAKEN)
        case OrderEnd.OK:
            return replace(order, stage=Stage.DONE, code=done.code, text=done.text)
        case OrderEnd.NO:
            text = done.text or meaning(done.code)
            return replace(order, stage=Stage.REFUSED, code=done.code, text=text)
        case OrderEnd.LOST:
            return replace(order, stage=Stage.LOST, text=POWER_WENT)


def after_hello(order: AgentOrder, hello: Hello, now: float) -> AgentOrder:
    """How it stands when its agent calls anew. What is still open then has to be asked for."""
    match order.stage:
        case Stage.QUEUED if now > order.until:
            return expired(order)
        case Stage.GIVEN if hello.busy == order.order:
            return replace(order, stage=Stage.TAKEN, asking=False)
        case _:
            return replace(order, asking=False)


def is_going_on(order: AgentOrder, hello: Hello) -> bool:
    """Whether the agent that calls is about this very order, which need not be asked for."""
    return order.stage == Stage.TAKEN and hello.busy == order.order


def expired(order: AgentOrder) -> AgentOrder:
    """Its time is up before it was given."""
    return replace(order, stage=Stage.EXPIRED, text=NOT_GIVEN)


def withdrawn(order: AgentOrder) -> AgentOrder:
    """Nobody wants it any more: not given if it has not been; what was given goes on, once."""
    if order.stage == Stage.QUEUED:
        return replace(order, stage=Stage.EXPIRED, text=WITHDRAWN)
    return replace(order, tries=MOST_TRIES)


def again(order: AgentOrder, identity: str, now: float) -> AgentOrder | None:
    """The order that takes the place of one that was damaged on its way; None when none does."""
    damaged = order.stage == Stage.REFUSED and order.code in (CHECK, UNREAD)
    if not damaged or order.tries >= MOST_TRIES:
        return None
    return replace(
        order, order=identity, at=now, until=max(order.until, now + _GIVEN_WITHIN),
        stage=Stage.QUEUED, code=0, text="", tries=order.tries + 1,
    )  # fmt: skip


def given_up(order: AgentOrder) -> AgentOrder:
    """Its agent has been away for too long."""
    if order.stage in (Stage.GIVEN, Stage.TAKEN):
        return replace(order, stage=Stage.LOST, text=NEVER_ANSWERED)
    return order
