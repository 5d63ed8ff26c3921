"""ZMODEM over a line that drops, flips, garbles, stalls and breaks: right bytes or a true error.

Forty seeded runs by default, half to rz of lrzsz and half to our receiver; five hundred with

    DEPLOYER_BADLINE_RUNS=500 python -m pytest tests/edge/serial/test_badline.py -k seeded

Time is scaled: a second here stands for a minute on a real line where a receiver pauses.
"""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from deployer.core.serial import transfer, zmodem
from deployer.core.serial.transfer import FileOffer
from deployer.edge.serial.drive import Hooks, drive
from deployer.edge.serial.port import Flow, SerialLine
from tests import needs
from tests.serialwire import Direction, Faults, Wire

RUNS = int(os.environ.get("DEPLOYER_BADLINE_RUNS", "40"))
MOST_AGAIN = 16 << 10
LIMIT = 90.0
SEND = zmodem.ZmodemSendSettings(contact=20.0, answer=0.6, patience=8.0)
RECEIVE = zmodem.ZmodemReceiveSettings(contact=20.0, answer=0.5, patience=8.0)


@dataclass
class Outcome:
    """How a run ended on both sides."""

    last: transfer.TransferEvent | None
    resent: list[int]
    files: dict[str, bytes] = field(default_factory=dict)
    claimed: bool = False


def faults_of(seed: int) -> tuple[Faults, Faults]:
    """What a seed's line does in its two directions: each kind of fault, and mixtures."""
    rnd = random.Random(seed)
    kind = seed % 7
    rate = 10 ** rnd.uniform(-5, -3.3)
    there = Faults(seed=seed)
    back = Faults(seed=seed + 1)
    match kind:
        case 0:
            there.drop = rate
        case 1:
            there.flip = rate
        case 2:
            there.burst = rate / 10
            there.burst_length = rnd.randrange(1, 400)
        case 3:
            there.flip = back.flip = rate
            back.drop = rate
        case 4:
            there.stall_at = tuple(rnd.randrange(100, 40_000) for _ in range(2))
            there.stall_for = rnd.uniform(0.5, 3.0)
        case 5:
            there.cut_at = rnd.randrange(0, 50_000)
            there.cut_for = rnd.choice([0.3, 1.0, -1.0])
        case 6:
            there.drop = there.flip = rate / 2
            there.burst = rate / 20
            back.drop = back.flip = rate
            there.stall_at = (rnd.randrange(100, 40_000),)
            there.stall_for = 0.5
    return there, back


def content(seed: int) -> dict[str, bytes]:
    rnd = random.Random(seed)
    return {
        "FIRST.BIN": rnd.randbytes(rnd.choice([0, 1, 1024, 20_000, 45_000])),
        "SECOND.BIN": rnd.randbytes(rnd.randrange(5000)),
    }


def sender(
    cable: Wire, files: dict[str, bytes], patience: float = SEND.patience
) -> tuple[transfer.TransferEvent | None, list[int]]:
    data = list(files.values())
    resent: list[int] = []

    def handle(event: transfer.TransferEvent) -> None:
        match event:
            case transfer.Resent(again=again):
                resent.append(again)
            case transfer.ChecksumAsked(index=index, length=length):
                machine.answer_checksum(zlib.crc32(data[index][:length]))

    def supply(want: transfer.Want) -> bytes:
        return data[want.index][want.position : want.position + want.length]

    end = time.monotonic() + LIMIT
    with SerialLine(cable.a, flow=Flow.NONE) as line:
        machine = zmodem.ZmodemSender(
            [FileOffer(name, len(d)) for name, d in files.items()], now=time.monotonic(),
            settings=replace(SEND, patience=patience),
        )  # fmt: skip
        hooks = Hooks(handle, supply, cancelled=lambda: time.monotonic() > end)
        return drive(machine, line, hooks, giver=machine), resent


def to_ours(
    wire: Wire, files: dict[str, bytes], where: Path, patience: float = SEND.patience
) -> Outcome:
    done: dict[str, bytes] = {}
    last: list[transfer.TransferEvent | None] = []

    def receive(port: str) -> None:
        current: list[tuple[str, bytearray]] = []

        def handle(event: transfer.TransferEvent) -> None:
            match event:
                case transfer.FileOffered(offer=offer):
                    held = current[-1][1] if current and current[-1][0] == offer.name else b""
                    current.append((offer.name, bytearray(held)))
                    machine.accept(len(held))
                case transfer.Received(position=position, data=data):
                    assert position == len(current[-1][1])
                    current[-1][1].extend(data)
                case transfer.FileEnded():
                    done[current[-1][0]] = bytes(current[-1][1])
                    machine.stored()

        end = time.monotonic() + LIMIT
        with SerialLine(port, flow=Flow.NONE) as line:
            settings = replace(RECEIVE, patience=patience)
            machine = zmodem.ZmodemReceiver(now=time.monotonic(), settings=settings)
            hooks = Hooks(handle, cancelled=lambda: time.monotonic() > end)
            last.append(drive(machine, line, hooks))

    with wire as cable:
        thread = threading.Thread(target=receive, args=(cable.b,), daemon=True)
        thread.start()
        ended, resent = sender(cable, files, patience)
        thread.join(LIMIT)
    claimed = last == [transfer.Finished()]
    return Outcome(ended, resent, done, claimed)


def to_rz(wire: Wire, files: dict[str, bytes], where: Path) -> Outcome:
    with wire as cable:
        handle = os.open(cable.b, os.O_RDWR | os.O_NOCTTY)
        peer = subprocess.Popen(
            ["rz", "-q", "-b", "-t", "10"],
            stdin=handle, stdout=handle, stderr=subprocess.DEVNULL, cwd=where,
        )  # fmt: skip
        try:
            ended, resent = sender(cable, files)
            try:
                code = peer.wait(10)
            except subprocess.TimeoutExpired:
                code = -1
        finally:
            peer.kill()
            peer.wait()
            os.close(handle)
    found = {path.name: path.read_bytes() for path in where.iterdir()}
    return Outcome(ended, resent, found, code == 0)


Receiver = Callable[[Wire, dict[str, bytes], Path], Outcome]


def play(seed: int, where: Path) -> Outcome:
    """One run."""
    there, back = faults_of(seed // 2)
    wire = Wire(ab=Direction(there), ba=Direction(back))
    where.mkdir(parents=True)
    outcome = receiver_of(seed)(wire, content(seed), where)
    _write_down(seed, wire, outcome)
    return outcome


def receiver_of(seed: int) -> Receiver:
    return to_rz if seed % 2 else to_ours


def _write_down(seed: int, wire: Wire, outcome: Outcome) -> None:
    """For statistics: a line for each run, in the file that DEPLOYER_BADLINE_LOG names."""
    if log := os.environ.get("DEPLOYER_BADLINE_LOG"):
        ended = type(outcome.last).__name__
        damaged = wire.ab.damaged + wire.ba.damaged
        most = max(outcome.resent, default=0)
        with Path(log).open("a") as lines:
            print(seed, receiver_of(seed).__name__, ended, damaged, most, file=lines)


@pytest.fixture(scope="module")
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, Future[Outcome]]]:
    """The runs that were asked for, some side by side: most of their time is spent waiting."""
    base = tmp_path_factory.mktemp("badline")
    seeds = [
        item.callspec.params["seed"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.function is test_seeded_faults
    ]
    with ThreadPoolExecutor(3) as pool:
        yield {
            seed: pool.submit(play, seed, base / str(seed))
            for seed in seeds
            if needs.here("rz") or receiver_of(seed) is not to_rz
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("seed", range(RUNS))
def test_seeded_faults(seed: int, played: dict[int, Future[Outcome]]) -> None:
    if seed not in played:
        needs.require("rz")
    outcome, files = played[seed].result(), content(seed)
    if outcome.last == transfer.Finished():
        assert outcome.files == files, "the sender claims success"
    else:
        assert isinstance(outcome.last, transfer.TransferFailed | transfer.TransferCancelled)
    if receiver_of(seed) is to_ours:
        assert all(files[name] == data for name, data in outcome.files.items())
    assert all(again <= MOST_AGAIN for again in outcome.resent)


@pytest.mark.parametrize("flip", [1e-5, 1e-4])
def test_a_noisy_line_is_overcome(flip: float, tmp_path: Path) -> None:
    files = {"NOISE.BIN": random.Random(3).randbytes(100_000)}
    wire = Wire(ab=Direction(Faults(flip=flip, seed=5)))
    outcome = to_ours(wire, files, tmp_path)
    assert outcome.last == transfer.Finished()
    assert outcome.files == files


def test_a_break_costs_what_was_lost_and_little_more(tmp_path: Path) -> None:
    files = {"BREAK.BIN": random.Random(4).randbytes(200_000)}
    wire = Wire(ab=Direction(Faults(cut_at=90_000, cut_for=0.7), rate=200_000.0))
    outcome = to_ours(wire, files, tmp_path)
    assert outcome.last == transfer.Finished()
    assert outcome.files == files
    needed = 200_000 * 1.05
    assert wire.ab.taken < needed + wire.ab.damaged + MOST_AGAIN


def test_a_receiver_that_stops_the_line_for_minutes_gets_everything_once(tmp_path: Path) -> None:
    """Three minutes, scaled: 3 s here, with a patience of 8 s for one of 8 minutes."""
    files = {"PAUSE.BIN": random.Random(6).randbytes(60_000)}
    wire = Wire(ab=Direction(Faults(stall_at=(30_000,), stall_for=3.0)))
    outcome = to_ours(wire, files, tmp_path)
    assert outcome.last == transfer.Finished()
    assert outcome.files == files
    assert wire.ab.taken < 60_000 * 1.05 + MOST_AGAIN


def test_a_dead_line_is_a_true_error(tmp_path: Path) -> None:
    files = {"DEAD.BIN": bytes(60_000)}
    wire = Wire(ab=Direction(Faults(cut_at=20_000, cut_for=-1.0)))
    outcome = to_ours(wire, files, tmp_path, patience=2.0)
    assert isinstance(outcome.last, transfer.TransferFailed | transfer.TransferCancelled)
    assert outcome.files == {}
    assert not outcome.claimed
