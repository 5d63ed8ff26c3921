"""The life of an order: whatever happens, it is done only if its agent has said so."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployer.core.agents import order as orders
from deployer.core.agents.order import BUSY, UNKNOWN, AgentOrder
from deployer.core.agents.verbs import Screen
from deployer.core.agents.words import Done, Hello, OrderEnd
from deployer.model import Stage

ORDER = AgentOrder("0123ABCD", "A-00000001", Screen(), at=0.0, until=10.0)
ANSWERS = [
    Done("0123ABCD", OrderEnd.OK, 3),
    Done("0123ABCD", OrderEnd.NO, 5),
    Done("0123ABCD", OrderEnd.NO, UNKNOWN),
    Done("0123ABCD", OrderEnd.NO, BUSY),
    Done("0123ABCD", OrderEnd.LOST),
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["give", "take", "hello", "busy", "expire", "withdraw", "give up"])
        | st.sampled_from(ANSWERS),
        st.floats(0, 20),
    ),
    max_size=20,
)


def after(order: AgentOrder, step: str | Done, now: float) -> AgentOrder:
    match step:
        case Done():
            return orders.answered(order, step, now)
        case "give":
            return order if order.stage.final else orders.given(order)
        case "take":
            return orders.taken(order)
        case "hello":
            return orders.after_hello(order, Hello(), now)
        case "busy":
            return orders.after_hello(order, Hello(busy="0123ABCD"), now)
        case "withdraw":
            return orders.withdrawn(order)
        case "give up":
            return orders.given_up(order)
        case _:
            return orders.expired(order) if order.stage == Stage.QUEUED else order


@given(STEPS)
def test_it_is_done_only_when_its_agent_has_said_so(steps: list[tuple[str | Done, float]]) -> None:
    order, left, said = ORDER, False, False
    for step, now in steps:
        before = order
        order = after(order, step, now)
        left = left or order.stage == Stage.GIVEN
        said = said or (isinstance(step, Done) and step.how == OrderEnd.OK and left)
        if order.stage == Stage.DONE:
            assert said
            assert left, "it was never given"
        if before.stage in (Stage.DONE, Stage.REFUSED, Stage.EXPIRED):
            assert order.stage == before.stage, "an end stays"
        if order.stage == Stage.EXPIRED and before.stage not in (Stage.EXPIRED, Stage.QUEUED):
            assert before.asking, "what was given is not called undone unless its agent says so"


def test_what_the_journal_does_not_know_is_given_again_while_it_is_wanted() -> None:
    asked = orders.given(orders.given(ORDER))
    assert asked.asking
    unknown = Done(ORDER.order, OrderEnd.NO, UNKNOWN)
    assert orders.answered(asked, unknown, 9.0).stage == Stage.QUEUED
    assert orders.answered(asked, unknown, 11.0).stage == Stage.EXPIRED


def test_what_was_damaged_on_its_way_is_given_again_a_few_times_and_nothing_else_is() -> None:
    order, ids = ORDER, iter("ABCDEFGH")
    tried = 0
    while order is not None:
        tried += 1
        no = Done(order.order, OrderEnd.NO, orders.CHECK)
        refused = orders.answered(orders.given(order), no, 5.0)
        assert refused.stage == Stage.REFUSED, "one that was refused stays so: its number is used"
        order = orders.again(refused, next(ids), 5.0)
    assert tried == orders.MOST_TRIES
    for answer in ANSWERS:
        ended = orders.answered(orders.given(ORDER), answer, 5.0)
        assert orders.again(ended, "A", 5.0) is None
    unwanted = orders.answered(orders.withdrawn(orders.given(ORDER)), no, 5.0)
    assert orders.again(unwanted, "A", 5.0) is None


def test_a_late_answer_is_believed_after_the_host_gave_up() -> None:
    lost = orders.given_up(orders.given(ORDER))
    assert lost.stage == Stage.LOST
    assert orders.answered(lost, ANSWERS[0], 99.0).stage == Stage.DONE
