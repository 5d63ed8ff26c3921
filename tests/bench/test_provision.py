"""Provisioning over a real service, with light targets on loopback."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer.bench import BenchPower, Outcome
from deployer.errors import StoreFull
from deployer.events import Event, PauseChanged, StateChanged, TransferStarted
from deployer.host.local import InProcess
from deployer.host.requests import Order
from deployer.model import State

if TYPE_CHECKING:
    from tests.bench.conftest import World


def test_all_targets_are_proved_and_a_second_run_sends_nothing(world: World) -> None:
    targets = [world.target(number) for number in range(1, 5)]
    for number in range(1, 5):
        world.pc(number)
    first = world.run(*targets)
    assert (first.exit_code, first.count(Outcome.PROVED)) == (0, 4)
    assert len(world.moved()) == 4 * 5
    assert first["pc03"].sent == 300_000
    second = world.run(*targets)
    assert (second.exit_code, second.count(Outcome.THERE)) == (0, 4)
    assert second["pc03"].deliveries[0].proof == first["pc03"].deliveries[0].proof
    assert not world.events


def test_force_sends_what_is_there(world: World) -> None:
    world.pc(1)
    world.run(world.target(1))
    world.pcs["pc01"].disk.clear()
    assert world.run(world.target(1), force=True)["pc01"].outcome == Outcome.PROVED
    assert len(world.moved()) == 5


def test_payloads_go_in_order_and_what_comes_after_a_failure_does_not(world: World) -> None:
    world.pc(1)
    world.pc(2, run_exit=3)
    payloads = (world.payload("one", run="ONE.BIN"), world.payload("two"))
    results = world.run(world.target(1, *payloads), world.target(2, *payloads))
    assert [d.payload for d in results["pc01"].deliveries] == ["one", "two"]
    assert results["pc01"].deliveries[0].exit_code == 0
    failed = results["pc02"]
    assert [d.payload for d in failed.deliveries] == ["one"]
    assert (failed.code, failed.reason) == (6, "the program ended with exit code 3")
    assert results.exit_code == 6


def test_a_changed_file_goes_to_those_alone_who_do_not_have_it(world: World) -> None:
    for number in (1, 2):
        world.pc(number)
    one, two = world.payload("one"), world.payload("two")
    world.run(world.target(1, one), world.target(2, two))
    (world.folder / "two.bin").write_bytes(b"new")
    results = world.run(world.target(1, one), world.target(2, two))
    assert [t.outcome for t in results] == [Outcome.THERE, Outcome.PROVED]
    assert len(world.moved()) == 1


def test_a_target_switched_on_late_is_served_when_it_comes(world: World) -> None:
    world.pc(1)

    def at_event(event: Event) -> None:
        if isinstance(event, StateChanged) and event.state == State.PROVED and len(world.pcs) == 1:
            world.pc(2)

    world.at_event = at_event
    assert world.run(world.target(1), world.target(2)).proved


def test_a_target_that_never_comes_ends_with_its_deadline_and_stops_nobody(world: World) -> None:
    world.pc(1)
    results = world.run(world.target(1), world.target(2, deadline=4.0))
    assert results["pc01"].proved
    assert results["pc02"].reason == "not done within 4 s; the last thing it did: nothing yet"
    assert results.exit_code == 4


def test_a_target_that_falls_silent_is_tried_again_with_what_is_missing(world: World) -> None:
    pc = world.pc(1, silent_after=2)
    pc.asleep_until = lambda: any("no sign of life for 3 s" in line for _who, line in world.said)
    results = world.run(world.target(1, silence=3.0))
    delivery = results["pc01"].deliveries[0]
    assert (delivery.outcome, delivery.tries) == (Outcome.PROVED, 2)


def test_jobs_limits_who_fetches_and_holds_the_others_back(world: World) -> None:
    held: list[str] = []
    freed: list[str] = []
    gate = threading.Event()

    def at_event(event: Event) -> None:
        if isinstance(event, PauseChanged):
            (held if event.paused else freed).append(event.deployment)
            if len(held) == 4:
                gate.set()

    world.at_event = at_event
    for number in range(1, 7):
        world.pc(number, gate=gate)
    assert world.run(*(world.target(number) for number in range(1, 7)), jobs=2).proved
    assert len(held) == 4
    assert freed == held
    began: dict[str, int] = {}
    for number, event in enumerate(world.events):
        if isinstance(event, TransferStarted) and event.name[-3:].isdigit():
            began.setdefault(event.deployment, number)
    assert set(list(began)[2:]) == set(held)


def test_resume_goes_on_with_the_selection_of_an_interrupted_run(world: World) -> None:
    world.pc(1)
    targets = [world.target(number) for number in (1, 2, 3)]

    def interrupt(event: Event) -> None:
        if isinstance(event, StateChanged) and event.state == State.PROVED:
            world.pc(2)
            raise KeyboardInterrupt

    world.at_event = interrupt
    with pytest.raises(KeyboardInterrupt):
        world.run(*targets, only=("pc01", "pc02"), force=True)
    world.at_event = lambda _event: None
    results = world.run(*targets, resume=True)
    assert [t.name for t in results] == ["pc01", "pc02"]
    assert results.proved


def test_power_commands_and_human_steps_come_before_what_is_sent(
    world: World, tmp_path: Path
) -> None:
    log = tmp_path / "power.log"
    power = BenchPower(on=("sh", "-c", f"echo on >> {log}"), off=("sh", "-c", f"echo off >> {log}"))
    target = world.target(1, power=power, say="Switch on pc01")
    world.pc(1)
    assert world.run(target).proved
    assert log.read_text() == "on\noff\n"
    assert ("pc01", "Switch on pc01") in world.said
    assert world.run(target).proved
    assert log.read_text() == "on\noff\n"
    broken = world.target(1, world.payload("other"), power=BenchPower(on=("false",)))
    results = world.run(broken)
    assert (results["pc01"].code, results["pc01"].reason) == (
        3, "power on failed (false: exit code 1, it said: nothing)",
    )  # fmt: skip


def test_a_missing_file_is_that_targets_failure_alone(world: World) -> None:
    world.pc(1)
    gone = world.payload("gone")
    (tmp := world.folder / "gone.bin").unlink()
    results = world.run(world.target(1), world.target(2, gone))
    assert results["pc01"].proved
    assert results["pc02"].reason == f"{tmp}: there is no such file."
    assert results.exit_code == 1


def test_an_unknown_caller_is_listed_and_not_served(world: World) -> None:
    world.pc(1)
    world.pc(99)
    results = world.run(world.target(1, world.payload(length=4 << 20)))
    caller = next(s for s in results.unknown_callers if s.address == "127.0.1.99")
    assert caller.what.startswith("called")
    assert world.pcs["pc99"].fetched == []


@pytest.mark.parametrize(("force", "always"), [(True, False), (False, True)])
def test_nothing_is_switched_on_for_a_file_that_is_missing(
    world: World, tmp_path: Path, force: bool, always: bool
) -> None:
    log = tmp_path / "power.log"
    gone = world.payload("gone", always=always)
    (world.folder / "gone.bin").unlink()
    target = world.target(1, gone, power=BenchPower(on=("sh", "-c", f"echo on >> {log}")))
    assert world.run(target, force=force)["pc01"].code == 1
    assert not log.exists()


def test_a_deadline_while_it_is_switched_off_takes_no_proof_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.pc(1)

    async def late(_words: object, _timeout: float) -> str:
        raise TimeoutError  # as the deadline does to whoever waits

    monkeypatch.setattr("deployer.bench.power.run", late)
    (result,) = world.run(world.target(1, power=BenchPower(off=("off",))))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "not done within 60 s")
    assert [delivery.outcome for delivery in result.deliveries] == [Outcome.PROVED]


def test_a_run_that_cannot_be_written_down_is_said_in_two_lines(world: World) -> None:
    (world.folder / "state").mkdir()
    (world.folder / "state" / "bench").write_text("a file")
    with pytest.raises(StoreFull, match="nothing more can be written there"):
        world.run(world.target(1))


def test_what_was_being_offered_when_the_deadline_passed_is_withdrawn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    push = InProcess.push

    async def slow(host: InProcess, order: Order) -> str:
        offering = asyncio.create_task(push(host, order))  # it goes on, as a daemon's does
        await asyncio.sleep(4.2)
        return await offering

    monkeypatch.setattr(InProcess, "push", slow)
    (result,) = world.run(world.target(1, deadline=4.0))
    assert result.reason == "not done within 4 s; the last thing it did: nothing yet"
    (ended,) = [e for e in world.events if isinstance(e, StateChanged) and e.state.final]
    assert (ended.state, ended.reason) == (State.CANCELLED, "by the user")
