"""Targets of a bench without an address: whoever is on the wire, and PCs with names."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from deployer.bench import Bench, BenchTarget, Outcome
from deployer.bench.plan import plan
from deployer.core.wire.devices import NamedTarget
from deployer.edge.store import Store
from deployer.errors import WrongUse
from tests.bench.test_steps import LS, RUN, pc, says

if TYPE_CHECKING:
    from tests.agentpc import AgentPC
    from tests.bench.conftest import World

__all__ = ["pc"]


def at(target: BenchTarget, address: str) -> BenchTarget:
    return replace(target, address=address)


def call(world: World, address: str, name: str) -> None:
    """Give the PC at an address a name, as `deployer name` does."""
    with contextlib.closing(Store(world.folder / "state")) as store:
        store.devices.name(NamedTarget(name, address, "", 1.0))


def test_whoever_is_on_the_wire_gets_all_of_it(world: World) -> None:
    light = world.pc(7)
    target = world.target(1, world.payload("one", 1000), world.payload("two", 2000))
    results = world.run(at(target, "any"))
    result = results["pc01"]
    assert (result.outcome, result.address) == (Outcome.PROVED, "127.0.1.7"), result
    assert set(light.disk) == {"ONE.BIN", "TWO.BIN"}
    assert not results.unknown_callers
    again = world.run(at(target, "any"))["pc01"]
    assert again.outcome == Outcome.PROVED, "the next one may be another PC, so it is asked"
    assert not world.moved()


def test_a_pc_is_found_by_the_name_that_it_was_given(world: World) -> None:
    world.pc(7)
    call(world, "127.0.1.7", "pentium")
    target = at(world.target(1), "Pentium")
    result = world.run(target)["pc01"]
    assert (result.outcome, result.address) == (Outcome.PROVED, "127.0.1.7"), result
    assert world.run(target)["pc01"].outcome == Outcome.THERE
    (planned,) = plan(Bench((target,), world.wire), world.folder / "state").steps
    assert (planned.address, planned.there) == ("127.0.1.7", True)


@pytest.mark.parametrize("address", ["PENTIUM", "A-0123ABCD", "any"])
def test_an_agent_is_found_by_its_name_and_the_only_one_for_anyone(
    world: World, pc: AgentPC, address: str
) -> None:
    pc.play = says("all good\r\n")
    pc.files = {"C:\\GAME\\SAVE.DAT": b"1"}
    result = world.run(at(world.target(1, steps=(RUN, LS)), address))["pc01"]
    assert result.outcome == Outcome.DONE, result
    assert [verb for _order, verb in pc.done] == ["Run", "List"]


def test_a_name_that_nobody_has_ends_it_before_anything_is_sent(world: World) -> None:
    with pytest.raises(WrongUse, match=r"targets.pc01.address: no PC and no agent is called 486"):
        world.run(at(world.target(1), "486dx"))


def test_one_pc_under_two_names_is_refused(world: World) -> None:
    call(world, "127.0.1.2", "pentium")
    with pytest.raises(WrongUse, match=r"targets.pc02: it is the same PC as pc01, at 127.0.1.2"):
        world.run(at(world.target(1), "pentium"), world.target(2))


def test_without_a_payload_anyone_is_the_only_agent_that_is_known(world: World) -> None:
    result = world.run(at(world.target(1, steps=(RUN,)), "any"))["pc01"]
    assert "any stands for one PC with an agent, and 0 are known" in result.reason
