"""ZMODEM without a line: two machines, a clock, and whatever can happen between them."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.core.serial import transfer, zmodem
from deployer.core.serial.offer import parse_offer
from deployer.core.serial.transfer import FileOffer, Reason
from deployer.core.serial.zmodem.frames import (
    CANCEL,
    FrameWriter,
    HeaderType,
    SubpacketEnd,
    hex_header,
    position_bytes,
)

Mangle = Callable[[bytes], bytes]


def clean(data: bytes) -> bytes:
    return data


@dataclass
class Session:
    """Both sides and what happened."""

    files: dict[str, bytes]
    sender: zmodem.ZmodemSendSettings = field(default_factory=zmodem.ZmodemSendSettings)
    receiver: zmodem.ZmodemReceiveSettings = field(default_factory=zmodem.ZmodemReceiveSettings)
    there: Mangle = clean
    back: Mangle = clean
    held: dict[str, bytes] = field(default_factory=dict)
    skip: frozenset[str] = frozenset()
    got: dict[str, bytes] = field(default_factory=dict)
    sent: list[transfer.TransferEvent] = field(default_factory=list)
    received: list[transfer.TransferEvent] = field(default_factory=list)
    line: int = 0
    now: float = 0.0

    def run(self) -> Session:
        self._data = list(self.files.values())
        offers = [FileOffer(name, len(data), 1_000_000) for name, data in self.files.items()]
        s = self.s = zmodem.ZmodemSender(offers, now=0.0, settings=self.sender)
        r = self.r = zmodem.ZmodemReceiver(now=0.0, settings=self.receiver)
        for _ in range(50_000):
            moved = self._carry()
            if s.done and r.done:
                return self
            if not moved:
                due = [d for d in (s.deadline, r.deadline) if d is not None]
                self.now = min(due)
                s.tick(self.now)
                r.tick(self.now)
        raise AssertionError("it never ends")

    def _carry(self) -> bool:
        moved = False
        if out := self.s.data_to_send():
            self.line += len(out)
            self.r.receive_data(self.there(out))
            moved = True
        while (event := self.r.next_event()) is not None:
            self._taken(event)
            moved = True
        if out := self.r.data_to_send():
            self.s.receive_data(self.back(out))
            moved = True
        while (event := self.s.next_event()) is not None:
            self.sent.append(event)
            moved = True
            if isinstance(event, transfer.ChecksumAsked):
                self.s.answer_checksum(zlib.crc32(self._data[event.index][: event.length]))
        if (want := self.s.want) is not None:
            piece = self._data[want.index][want.position : want.position + want.length]
            self.s.provide(piece)
            moved = True
        return moved

    def _taken(self, event: transfer.TransferEvent) -> None:
        self.received.append(event)
        match event:
            case transfer.FileOffered(offer=offer):
                self._name = offer.name
                if offer.name in self.skip:
                    self.r.skip()
                elif offer.name in self.held:
                    self.r.ask_checksum(len(self.held[offer.name]))
                else:
                    self._begin(b"")
            case transfer.ChecksumTold(value=value):
                held = self.held[self._name]
                self._begin(held if value == zlib.crc32(held) else b"")
            case transfer.Received(position=position, data=data):
                assert position == len(self.got[self._name])
                self.got[self._name] += data
            case transfer.FileEnded(length=length):
                assert length == len(self.got[self._name])
                self.r.stored()

    def _begin(self, held: bytes) -> None:
        self.got[self._name] = held
        self.r.accept(len(held))

    def both(self, kind: type) -> bool:
        return isinstance(self.sent[-1], kind) and isinstance(self.received[-1], kind)


DATA = random.Random(1).randbytes(30_000)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 8191, 8192, 8193, 30_000])
@pytest.mark.parametrize("crc32", [True, False])
@pytest.mark.parametrize("escape", [True, False])
def test_sizes_with_every_way_of_writing(size: int, crc32: bool, escape: bool) -> None:
    session = Session(
        {"A.BIN": DATA[:size]},
        zmodem.ZmodemSendSettings(escape_controls=escape),
        zmodem.ZmodemReceiveSettings(crc32=crc32, escape_controls=escape),
    ).run()
    assert session.got == session.files
    assert session.both(transfer.Finished)
    assert session.now == 0.0


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[A-Z0-9_-]{1,8}\.[A-Z]{3}", fullmatch=True),
        st.binary(max_size=3000),
        max_size=4,
    ),
    st.integers(1, 50),
)
def test_any_files_in_any_fragments(files: dict[str, bytes], cut: int) -> None:
    session = Session(files)
    whole = zmodem.ZmodemReceiver.receive_data

    def pieces(machine: zmodem.ZmodemReceiver, data: bytes) -> None:
        for start in range(0, len(data), cut):
            whole(machine, data[start : start + cut])

    zmodem.ZmodemReceiver.receive_data = pieces  # type: ignore[method-assign]
    try:
        session.run()
    finally:
        zmodem.ZmodemReceiver.receive_data = whole  # type: ignore[method-assign]
    assert session.got == files
    assert session.both(transfer.Finished)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 1 << 30), st.sampled_from([1e-4, 1e-3, 4e-3]))
def test_noise_never_makes_a_wrong_file(seed: int, rate: float) -> None:
    rnd = random.Random(seed)

    def noise(data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            chance = rnd.random()
            if chance < rate:
                out.append(byte ^ 1 << rnd.randrange(8))
            elif chance > rate * 1.5:
                out.append(byte)
        return bytes(out)

    session = Session({"A.BIN": DATA[:9000]}, there=noise, back=noise).run()
    ends = {type(session.sent[-1]), type(session.received[-1])}
    if transfer.FileSent(0) in session.sent:
        assert session.got == session.files
    assert ends <= {transfer.Finished, transfer.TransferFailed, transfer.TransferCancelled}


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_survived(data: bytes) -> None:
    for machine in (
        zmodem.ZmodemReceiver(now=0.0),
        zmodem.ZmodemSender([FileOffer("A", 5)], now=0.0),
    ):
        machine.receive_data(data)
        machine.receive_data(hex_header(HeaderType.ZRPOS, position_bytes(3)) + data)
        while machine.next_event() is not None:
            pass
        machine.data_to_send()


def test_a_part_that_is_there_is_not_sent_again() -> None:
    session = Session({"A.BIN": DATA}, held={"A.BIN": DATA[:20_000]}).run()
    assert session.got == session.files
    assert session.line < 11_000


def test_the_beginning_of_another_file_is_not_gone_on_with() -> None:
    session = Session({"A.BIN": DATA}, held={"A.BIN": b"other" * 1000}).run()
    assert session.got == session.files


def test_skipped_files_do_not_stop_the_batch() -> None:
    files = {"A.BIN": DATA[:5000], "B.BIN": DATA[:3000], "C.BIN": b""}
    session = Session(files, skip=frozenset({"A.BIN", "C.BIN"})).run()
    assert session.got == {"B.BIN": files["B.BIN"]}
    assert [e for e in session.sent if isinstance(e, transfer.FileSkipped)] == [
        transfer.FileSkipped(0), transfer.FileSkipped(2),
    ]  # fmt: skip
    assert session.both(transfer.Finished)


def test_one_error_costs_at_most_a_window() -> None:
    hit = [False]

    def once(data: bytes) -> bytes:
        if not hit[0] and len(data) > 900 and session.got and len(session.got["A.BIN"]) > 15_000:
            hit[0] = True
            return data[:100] + bytes((data[100] ^ 1,)) + data[101:]
        return data

    session = Session({"A.BIN": DATA}, there=once)
    session.run()
    assert session.got == session.files
    assert sum(e.again for e in session.sent if isinstance(e, transfer.Resent)) < 16 << 10


def sender_with(offers: list[FileOffer], **options: float) -> zmodem.ZmodemSender:
    sender = zmodem.ZmodemSender(offers, now=0.0, settings=zmodem.ZmodemSendSettings(**options))
    sender.data_to_send()
    return sender


def test_autostart_and_names_are_bare() -> None:
    sender = zmodem.ZmodemSender([FileOffer("STORI260.A01", 3)], now=0.0)
    assert sender.data_to_send() == b"rz\r**\x18B00000000000000\r\x8a\x11"
    sender.receive_data(hex_header(HeaderType.ZRINIT, b"\0\0\0\x23"))
    offer = sender.data_to_send()
    assert b"STORI260.A01\0003 0 100644 0 1 3\0" in offer
    assert b"\\" not in offer


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (HeaderType.ZFERR, Reason.DISK),
        (HeaderType.ZFIN, Reason.PEER),
    ],
)
def test_the_receivers_refusals_are_named(said: HeaderType, reason: Reason) -> None:
    sender = sender_with([FileOffer("A", 3)])
    sender.receive_data(hex_header(HeaderType.ZRINIT, b"\0\0\0\x23"))
    sender.receive_data(hex_header(said, bytes(4)))
    event = sender.next_event()
    assert isinstance(event, transfer.TransferFailed)
    assert event.reason == reason
    assert sender.data_to_send().endswith(CANCEL)


def test_nobody_there_ends_after_the_time_given() -> None:
    sender = sender_with([FileOffer("A", 3)], contact=30.0)
    for now in range(0, 40, 5):
        sender.tick(float(now))
    assert isinstance(event := sender.next_event(), transfer.TransferFailed)
    assert event.reason == Reason.SILENCE


def test_a_pause_of_minutes_is_borne_and_one_of_hours_is_not() -> None:
    sender = sender_with([FileOffer("A", 30_000)], patience=600.0)
    sender.receive_data(
        hex_header(HeaderType.ZRINIT, b"\0\0\0\x23") + hex_header(HeaderType.ZRPOS, bytes(4))
    )
    while (want := sender.want) is not None:
        sender.provide(bytes(want.length))
    for now in range(0, 590, 10):
        sender.data_to_send()
        sender.tick(float(now))
    assert not sender.done
    sender.tick(601.0)
    assert sender.done


def test_five_can_end_it_and_so_does_cancel() -> None:
    sender = sender_with([FileOffer("A", 3)])
    sender.receive_data(b"\x18" * 5)
    assert sender.next_event() == transfer.TransferCancelled(by_peer=True)
    receiver = zmodem.ZmodemReceiver(now=0.0)
    receiver.cancel()
    assert receiver.data_to_send() == CANCEL
    assert receiver.next_event() == transfer.TransferCancelled(by_peer=False)


def test_an_echoing_line_is_told_from_a_receiver() -> None:
    sender = zmodem.ZmodemSender([FileOffer("A", 3)], now=0.0)
    for now in range(0, 100, 10):
        sender.receive_data(sender.data_to_send())
        sender.tick(float(now))
    event = sender.next_event()
    assert isinstance(event, transfer.TransferFailed)
    assert "echoes" in event.what


@pytest.mark.parametrize(
    ("came", "what"),
    [
        (b"", "nobody answered: no receiver was started"),
        (b"\r\nold login: \r\nPassword: ", "something answers, but no receiver"),
        (b"\xfe\x7c\xf0\x80" * 9, "another speed"),
    ],
)
def test_a_silent_other_side_is_told_from_one_that_is_not_understood(
    came: bytes, what: str
) -> None:
    sender = sender_with([FileOffer("A", 3)], contact=30.0)
    sender.receive_data(came)
    sender.tick(30.0)
    assert isinstance(event := sender.next_event(), transfer.TransferFailed)
    assert event.reason == Reason.SILENCE
    assert what in event.what


def test_a_receiver_that_is_started_anew_gets_the_file_again() -> None:
    sender = sender_with([FileOffer("A", 3000)])
    zrinit = hex_header(HeaderType.ZRINIT, b"\0\0\0\x23")
    sender.receive_data(zrinit + hex_header(HeaderType.ZRPOS, bytes(4)))
    want = sender.want
    assert want is not None
    sender.provide(bytes(want.length))
    sender.data_to_send()
    sender.receive_data(zrinit)
    assert b"A\0003000" in sender.data_to_send()


def test_a_receivers_buffer_sets_the_rhythm() -> None:
    sender = sender_with([FileOffer("A", 3000)])
    sender.receive_data(hex_header(HeaderType.ZRINIT, b"\x00\x02\0\x23"))
    sender.receive_data(hex_header(HeaderType.ZRPOS, bytes(4)))
    want = sender.want
    assert want is not None
    assert want.length == 512
    sender.provide(bytes(512))
    assert sender.want is None
    sender.receive_data(hex_header(HeaderType.ZACK, position_bytes(512)))
    assert sender.want is not None


@pytest.mark.parametrize(
    ("data", "offer"),
    [
        (b"A.BIN\x005 0 100644 0 1 5\0", FileOffer("A.BIN", 5)),
        (b"A.BIN\0", FileOffer("A.BIN", None)),
        (b"A.BIN\x005 17 0", FileOffer("A.BIN", 5, 0o17)),
        (b"A.BIN\x005 9z\0", FileOffer("A.BIN", 5)),
        (b"\x005\0", None),
        (b"no end", None),
        (b"A" * 256 + b"\0005\0", None),
        (b"A\x00-5\0", None),
        (b"A\x0099999999999\0", None),
        (b"A\x005000000000\0", None),
    ],
)
def test_offers_are_read_with_limits(data: bytes, offer: FileOffer | None) -> None:
    assert parse_offer(data) == offer


def test_a_file_longer_than_allowed_is_not_taken() -> None:
    receiver = zmodem.ZmodemReceiver(now=0.0, settings=zmodem.ZmodemReceiveSettings(max_length=100))
    sender = zmodem.ZmodemSender([FileOffer("A.BIN", 5000)], now=0.0)
    for _ in range(6):
        receiver.receive_data(sender.data_to_send())
        sender.receive_data(receiver.data_to_send())
    assert transfer.FileSkipped(0) in iter(sender.next_event, None)


def test_commands_from_the_other_side_are_not_run() -> None:
    receiver = zmodem.ZmodemReceiver(now=0.0)
    receiver.data_to_send()
    writer = FrameWriter(wide=True, escape_controls=False)
    receiver.receive_data(writer.header(HeaderType.ZCOMMAND, bytes(4)))
    receiver.receive_data(writer.subpacket(b"rm -rf /\0", SubpacketEnd.ZCRCW))
    assert receiver.next_event() is None
    assert receiver.data_to_send().startswith(b"**\x18B0f")
