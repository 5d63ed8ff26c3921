"""XMODEM and YMODEM without a line."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.core.serial import transfer, xmodem
from deployer.core.serial.side import CANCEL
from deployer.core.serial.transfer import FileOffer, Reason
from deployer.core.serial.xmodem import Flavour
from deployer.core.serial.xmodem.frames import ACK, CAN, EOT, NAK, WANT_CRC, encode


@dataclass
class Session:
    """A sender and a receiver, and a line that flips bits with a chance of `rate` per byte."""

    flavour: Flavour
    files: dict[str, bytes]
    crc: bool = True
    rate: float = 0.0
    seed: int = 0
    got: dict[str, bytes] = field(default_factory=dict)
    ends: list[transfer.TransferEvent] = field(default_factory=list)

    def run(self) -> Session:
        rnd = random.Random(self.seed)
        contents = list(self.files.values())
        offers = [FileOffer(name, len(data)) for name, data in self.files.items()]
        s = xmodem.XmodemSender(
            offers, now=0.0, settings=xmodem.XmodemSendSettings(flavour=self.flavour)
        )
        r = xmodem.XmodemReceiver(
            now=0.0,
            settings=xmodem.XmodemReceiveSettings(
                flavour=self.flavour, crc=self.crc, name=next(iter(self.files), "")
            ),
        )
        now, name = 0.0, ""

        def bad(data: bytes) -> bytes:
            return bytes(
                b ^ (1 << rnd.randrange(8) if rnd.random() < self.rate else 0) for b in data
            )

        for _ in range(40_000):
            moved = False
            while (event := r.next_event()) is not None:
                moved = True
                match event:
                    case transfer.FileOffered(offer=offer):
                        name = offer.name
                        self.got[name] = b""
                        r.accept()
                    case transfer.Received(data=data):
                        self.got[name] += data
                    case transfer.FileEnded():
                        r.stored()
                    case _:
                        self.ends.append(event)
            while (event := s.next_event()) is not None:
                moved = True
                if isinstance(
                    event, transfer.Finished | transfer.TransferFailed | transfer.TransferCancelled
                ):
                    self.ends.append(event)
            if out := s.data_to_send():
                r.receive_data(bad(out))
                moved = True
            if out := r.data_to_send():
                s.receive_data(bad(out))
                moved = True
            if (want := s.want) is not None:
                piece = contents[want.index][want.position : want.position + want.length]
                s.provide(piece)
                moved = True
            if s.done and r.done and not moved:
                return self
            if not moved:
                now = min(d for d in (s.deadline, r.deadline) if d is not None)
                s.tick(now)
                r.tick(now)
        raise AssertionError("it never ends")


SIZES = (0, 1, 127, 128, 129, 896, 897, 1023, 1024, 1025, 5000)
DATA = random.Random(3).randbytes(5000)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("flavour", list(Flavour))
@pytest.mark.parametrize("crc", [True, False])
def test_every_flavour_and_size(flavour: Flavour, size: int, crc: bool) -> None:
    session = Session(flavour, {"A.BIN": DATA[:size]}, crc=crc).run()
    data = session.got["A.BIN"]
    assert data[:size] == DATA[:size]
    assert set(data[size:]) <= {0x1A}
    if flavour is Flavour.YMODEM:
        assert len(data) == size
    assert session.ends == [transfer.Finished()] * 2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=2500), max_size=4))
def test_batches_are_exact(contents: list[bytes]) -> None:
    files = {f"F{n}.BIN": data for n, data in enumerate(contents)}
    assert Session(Flavour.YMODEM, files).run().got == files


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 30))
def test_noise_never_makes_a_wrong_file_pass(seed: int) -> None:
    session = Session(Flavour.YMODEM, {"A.BIN": DATA}, rate=2e-4, seed=seed).run()
    finished = session.ends.count(transfer.Finished())
    if finished == 2:
        assert session.got == session.files


def receiver(flavour: Flavour = Flavour.XMODEM) -> xmodem.XmodemReceiver:
    made = xmodem.XmodemReceiver(
        now=0.0, settings=xmodem.XmodemReceiveSettings(flavour=flavour, name="A")
    )
    if flavour is not Flavour.YMODEM:
        made.next_event()
        made.accept()
    made.data_to_send()
    return made


def test_a_block_that_comes_twice_counts_once() -> None:
    r = receiver()
    block = encode(1, b"x" * 128, crc=True)
    r.receive_data(block)
    r.receive_data(block)
    assert r.data_to_send() == bytes((ACK, ACK))
    assert [type(e) for e in iter(r.next_event, None)] == [transfer.Received]


def test_a_missing_block_ends_it() -> None:
    r = receiver()
    r.receive_data(encode(1, b"x", crc=True) + encode(3, b"y", crc=True))
    last = list(iter(r.next_event, None))[-1]
    assert isinstance(last, transfer.TransferFailed)
    assert last.reason == Reason.NOISE


def test_a_damaged_block_is_asked_for_again_when_the_line_is_quiet() -> None:
    r = receiver()
    r.receive_data(encode(1, b"x", crc=True)[:-1] + b"!")
    assert r.data_to_send() == b""
    r.tick(1.0)
    assert r.data_to_send() in (bytes((NAK,)), b"C")


def test_one_end_may_be_noise_two_are_the_end() -> None:
    r = receiver()
    r.receive_data(encode(1, b"x", crc=True) + bytes((EOT,)))
    assert r.data_to_send() == bytes((ACK, NAK))
    r.receive_data(bytes((EOT,)))
    assert transfer.FileEnded(128) in list(iter(r.next_event, None))


def test_two_can_end_it() -> None:
    for machine in (receiver(), xmodem.XmodemSender([FileOffer("A", 1)], now=0.0)):
        machine.receive_data(bytes((CAN, CAN)))
        assert list(iter(machine.next_event, None))[-1] == transfer.TransferCancelled(by_peer=True)


def test_a_sender_waits_minutes_for_a_machine_that_drains_its_memory() -> None:
    s = xmodem.XmodemSender(
        [FileOffer("A", 300)], now=0.0, settings=xmodem.XmodemSendSettings(flavour=Flavour.XMODEM)
    )
    s.receive_data(b"C")
    s.provide(bytes(128))
    s.data_to_send()
    for now in range(0, 590, 10):
        s.tick(float(now))
    assert not s.done


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_are_survived(data: bytes) -> None:
    for machine in (receiver(), receiver(Flavour.YMODEM), xmodem.XmodemSender([], now=0.0)):
        machine.receive_data(data)
        machine.tick(1.0)


@pytest.mark.parametrize("flavour", list(Flavour))
def test_a_lost_answer_to_the_end_of_the_file_ends_within_a_minute_with_what_is_true(
    flavour: Flavour,
) -> None:
    """All blocks are acknowledged, then the receiver's program is gone."""
    s = xmodem.XmodemSender(
        [FileOffer("A", 300)], now=0.0, settings=xmodem.XmodemSendSettings(flavour=flavour)
    )
    ends = at = 0.0
    while not s.done:
        if (want := s.want) is not None:
            s.provide(bytes(want.length))
        sent = s.data_to_send()
        if sent == bytes((EOT,)):
            ends += 1
        elif sent.endswith(CANCEL):
            break
        else:
            s.receive_data(
                bytes((ACK, WANT_CRC))
                if sent[:2] == b"\x01\x00"
                else bytes((ACK if sent else WANT_CRC,))
            )
            continue
        assert s.deadline is not None
        at = s.deadline
        s.tick(at)
    told = []
    while (event := s.next_event()) is not None:
        told.append(event)
    assert isinstance(told[-1], transfer.TransferFailed)
    assert told[-1].reason is transfer.Reason.UNCONFIRMED
    assert at <= 60
    assert ends >= 10
