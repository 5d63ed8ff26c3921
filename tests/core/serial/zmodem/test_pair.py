"""ZMODEM: a sender and a receiver with a line that loses, and each side's answer to every word."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from deployer.core.serial import transfer, zmodem
from deployer.core.serial.transfer import FileOffer, Reason, TransferEvent, Want
from deployer.core.serial.zmodem.frames import (
    CANCEL,
    Damaged,
    FrameReader,
    FrameWriter,
    Header,
    HeaderType,
    Subpacket,
    SubpacketEnd,
    flag_bytes,
    hex_header,
    position_bytes,
)
from tests.core.serial import pair
from tests.core.serial.pair import events_of

DATA = bytes(range(256)) * 48
FILES = {"A.BIN": DATA, "EMPTY.BIN": b"", "B.BIN": DATA[:3000]}
WRITER = FrameWriter(wide=True, escape_controls=False)
ZRINIT = hex_header(HeaderType.ZRINIT, flag_bytes(0x23))


def said(kind: HeaderType, position: int = 0) -> bytes:
    return hex_header(kind, position_bytes(position))


def heard(data: bytes) -> list[tuple[HeaderType, int]]:
    """The headers in what a side sends."""
    reader = FrameReader()
    reader.feed(data)
    found = []
    while (header := reader.next_header()) is not None:
        if isinstance(header, Header):
            found.append((HeaderType(header.kind), header.position))
    return found


@dataclass
class Pair(pair.Pair):
    """A sender and a receiver."""

    escape: bool = False

    def sides(self, offers: list[FileOffer]) -> tuple[zmodem.ZmodemSender, zmodem.ZmodemReceiver]:
        settings = zmodem.ZmodemSendSettings(escape_controls=self.escape)
        return zmodem.ZmodemSender(offers, now=0.0, settings=settings), zmodem.ZmodemReceiver(
            now=0.0
        )


@pytest.mark.parametrize("number", range(1, 22))
def test_any_one_message_of_the_sender_may_be_lost(number: int) -> None:
    Pair(FILES, lost_there=frozenset({number})).run().assert_all_arrived()


@pytest.mark.parametrize("number", range(1, 14))
def test_any_one_message_of_the_receiver_may_be_lost(number: int) -> None:
    Pair(FILES, lost_back=frozenset({number})).run().assert_all_arrived()


@pytest.mark.parametrize("number", range(1, 22))
def test_the_plug_may_be_pulled_at_any_message(number: int) -> None:
    Pair(FILES, broken_at=number).run().assert_all_arrived()


@pytest.mark.parametrize("first", range(1, 20, 3))
def test_a_burst_of_losses_on_both_ways_is_overcome(first: int) -> None:
    lost = frozenset(range(first, first + 4))
    Pair(FILES, lost_there=lost, lost_back=lost).run().assert_all_arrived()


def test_without_a_loss_nobody_waits_and_nothing_goes_twice() -> None:
    pair = Pair(FILES).run()
    pair.assert_all_arrived()
    assert pair.now == 0.0
    assert not [event for event in pair.sent if isinstance(event, transfer.Resent)]


@dataclass
class Mortal(Pair):
    """A pair whose receiver is killed when the sender's message `killed_at` has come, or would
    have, and started anew at once. It loses what it has not stored, as rz does, and goes on behind
    what it finds if the checksum is right."""

    killed_at: int = 0
    disk: dict[str, bytes] = field(default_factory=dict)
    deaths: int = 0

    def carry(self) -> bool:
        if self.there >= self.killed_at and not self.deaths:
            self.deaths = 1
            self.r = zmodem.ZmodemReceiver(now=self.now)
            self.disk.setdefault(self.name, b"")
        moved = super().carry()
        for event in self.sent:
            match event:
                case transfer.FileSent(index=index):
                    name, data = list(self.files.items())[index]
                    assert self.disk[name] == data, "it claims what is not there"
                case transfer.ChecksumAsked(index=index, length=length):
                    self.s.answer_checksum(zlib.crc32(list(self.files.values())[index][:length]))
        return moved

    def take(self, event: TransferEvent) -> None:
        match event:
            case transfer.FileOffered(offer=offer):
                self.name = offer.name
                held = self.disk.get(self.name, b"")
                if held:
                    self.r.ask_checksum(len(held))
                else:
                    self._begin(0)
            case transfer.ChecksumTold(value=value):
                held = self.disk[self.name]
                self._begin(len(held) if value == zlib.crc32(held) else 0)
            case transfer.Received(data=data):
                self.got[self.name] += data
            case transfer.FileEnded():
                self.disk[self.name] = self.got[self.name]
                self.r.stored()

    def _begin(self, position: int) -> None:
        self.got[self.name] = self.disk.get(self.name, b"")[:position]
        self.r.accept(position)


@pytest.mark.parametrize("lost", [None, -1, 0, 1])
@pytest.mark.parametrize("killed_at", range(1, 24))
def test_a_receiver_may_die_at_any_message_and_be_started_anew(
    killed_at: int, lost: int | None
) -> None:
    """Also when the message before, at or behind its death is lost: nothing is claimed that is not
    on its disk, and in the end all of it is there."""
    gone = frozenset() if lost is None else frozenset({killed_at + lost})
    pair = Mortal(FILES, lost_there=gone, killed_at=killed_at).run()
    assert pair.sent[-1] == transfer.Finished()
    assert {name: pair.disk.get(name) for name in FILES} == FILES


@pytest.mark.parametrize("cut", [1, 12, 13, 24, 30])
@pytest.mark.parametrize("killed_at", range(1, 24))
def test_it_may_die_when_the_last_bytes_of_a_message_were_lost(killed_at: int, cut: int) -> None:
    """Such as one ZEOF or both, behind data that it has confirmed."""
    pair = Mortal(FILES, cut_at=killed_at, cut=cut, killed_at=killed_at).run()
    assert pair.sent[-1] == transfer.Finished()
    assert {name: pair.disk.get(name) for name in FILES} == FILES


def test_a_sender_with_nothing_says_so_and_ends() -> None:
    Pair({}).run().assert_all_arrived()


def test_a_file_that_cannot_be_stored_fails_on_both_sides() -> None:
    pair = Pair({"A.BIN": DATA}, refuse="the disk is full").run()
    assert pair.received[-1] == transfer.TransferFailed(Reason.DISK, "the disk is full")
    assert isinstance(pair.sent[-1], transfer.TransferFailed)
    assert pair.sent[-1].reason == Reason.DISK
    assert transfer.FileSent(0) not in pair.sent


def test_control_characters_are_escaped_when_the_sender_wants_it() -> None:
    Pair(FILES, escape=True).run().assert_all_arrived()


# ---- The sender, word for word

LENGTH = 3000


def sender(stage: str, length: int = LENGTH, **options: float) -> zmodem.ZmodemSender:
    """A sender of A (`length` zeros) and B, at a stage; what it has said so far is taken away."""
    made = zmodem.ZmodemSender(
        [FileOffer("A", length), FileOffer("B", 5)],
        now=0.0,
        settings=zmodem.ZmodemSendSettings(**options),
    )
    if stage != "contact":
        made.receive_data(ZRINIT)
    if stage in ("data", "end", "finish"):
        made.receive_data(said(HeaderType.ZRPOS))
        provide(made, once=stage == "data")
    if stage == "finish":
        for word in (said(HeaderType.ZACK, length), ZRINIT, ZRINIT, said(HeaderType.ZSKIP)):
            made.receive_data(word)
    made.data_to_send()
    events_of(made)
    return made


def provide(machine: zmodem.ZmodemSender, *, once: bool = False) -> None:
    while (want := machine.want) is not None:
        machine.provide(bytes(want.length))
        if once:
            return


AGAIN = (HeaderType.ZFILE, 3 << 24 | 2 << 16)
"""The same file once more: go on behind what is there, if its checksum is right."""
ENDED = [(HeaderType.ZEOF, LENGTH)] * 2


@pytest.mark.parametrize(
    ("stage", "word", "answer"),
    [
        ("contact", said(HeaderType.ZACK), []),
        ("contact", ZRINIT, [(HeaderType.ZFILE, 1 << 24)]),
        ("offer", said(HeaderType.ZNAK), [(HeaderType.ZFILE, 1 << 24)]),
        ("offer", ZRINIT, []),
        ("offer", said(HeaderType.ZSKIP), [(HeaderType.ZFILE, 1 << 24)]),
        ("offer", said(HeaderType.ZRPOS, 2000), [(HeaderType.ZDATA, 2000)]),
        ("offer", said(HeaderType.ZRPOS, LENGTH), [(HeaderType.ZDATA, LENGTH), *ENDED]),
        ("offer", said(HeaderType.ZCHALLENGE, 77), [(HeaderType.ZACK, 77)]),
        ("data", said(HeaderType.ZNAK), [(HeaderType.ZDATA, 0)]),
        ("data", said(HeaderType.ZRPOS, 512), [(HeaderType.ZDATA, 512)]),
        ("data", said(HeaderType.ZSKIP), [(HeaderType.ZFILE, 1 << 24)]),
        ("data", said(HeaderType.ZACK, 1024), []),
        ("end", said(HeaderType.ZNAK), [(HeaderType.ZDATA, LENGTH), *ENDED]),
        ("end", said(HeaderType.ZACK, LENGTH), []),
        ("end", said(HeaderType.ZRPOS, 512), [(HeaderType.ZDATA, 512)]),
        ("end", said(HeaderType.ZRPOS, LENGTH), [(HeaderType.ZDATA, LENGTH), *ENDED]),
        ("end", said(HeaderType.ZSKIP), [(HeaderType.ZFILE, 1 << 24)]),
        ("end", said(HeaderType.ZACK, LENGTH) + ZRINIT, []),
        ("end", said(HeaderType.ZACK, LENGTH) + ZRINIT * 2, [(HeaderType.ZFILE, 1 << 24)]),
        ("end", ZRINIT, [AGAIN]),
        ("end", said(HeaderType.ZACK, LENGTH - 1) + ZRINIT, [AGAIN]),
        ("data", ZRINIT, [AGAIN]),
        ("finish", ZRINIT, [(HeaderType.ZFIN, 0)]),
        ("finish", said(HeaderType.ZACK), []),
        ("data", b"**\x18B0900000000ffff\r\n", []),
    ],
)
def test_what_the_sender_answers(
    stage: str, word: bytes, answer: list[tuple[HeaderType, int]]
) -> None:
    machine = sender(stage)
    machine.receive_data(word)
    assert heard(machine.data_to_send()) == answer
    assert not machine.done


@pytest.mark.parametrize(
    ("stage", "word", "reason", "what"),
    [
        (
            "offer",
            said(HeaderType.ZRPOS, LENGTH + 1),
            Reason.PEER,
            "more of the file than there is",
        ),
        ("offer", said(HeaderType.ZFIN), Reason.PEER, "ended the session"),
        ("data", said(HeaderType.ZRPOS, 2000), Reason.PEER, "beyond what was sent"),
        ("data", said(HeaderType.ZFIN), Reason.PEER, "in mid-file"),
        ("data", said(HeaderType.ZFERR), Reason.DISK, "cannot write"),
        ("end", said(HeaderType.ZFIN), Reason.PEER, "before the file's end"),
        ("data", said(HeaderType.ZRPOS) * 40, Reason.NOISE, "the line damages what is sent"),
        ("end", said(HeaderType.ZNAK) * 40, Reason.NOISE, "the line damages what is sent"),
        ("offer", said(HeaderType.ZNAK) * 40, Reason.NOISE, "does the line carry 8 bits"),
        ("offer", (said(HeaderType.ZRPOS) + ZRINIT) * 40, Reason.PEER, "starts again and again"),
        ("contact", said(HeaderType.ZRQINIT) * 8, Reason.PEER, "the line echoes"),
    ],
)
def test_what_the_sender_takes_for_a_failure(
    stage: str, word: bytes, reason: Reason, what: str
) -> None:
    machine = sender(stage)
    machine.receive_data(word)
    last = events_of(machine)[-1]
    assert isinstance(last, transfer.TransferFailed)
    assert last.reason == reason
    assert what in last.what
    assert machine.data_to_send().endswith(CANCEL)
    assert machine.deadline is None


@pytest.mark.parametrize("word", [said(HeaderType.ZABORT), said(HeaderType.ZCAN), b"\x18" * 5])
@pytest.mark.parametrize("stage", ["contact", "offer", "data", "end", "finish"])
def test_the_receiver_may_cancel_at_any_time(stage: str, word: bytes) -> None:
    machine = sender(stage)
    machine.receive_data(word)
    assert events_of(machine) == [transfer.TransferCancelled(by_peer=True)]
    machine.receive_data(ZRINIT)
    machine.tick(1000.0)
    assert machine.data_to_send() == b""


@pytest.mark.parametrize("stage", ["contact", "offer", "data", "end", "finish"])
def test_cancelling_tells_the_receiver_and_nothing_else(stage: str) -> None:
    machine = sender(stage)
    machine.receive_data(said(HeaderType.ZCHALLENGE))
    machine.cancel()
    machine.cancel()
    assert machine.data_to_send() == CANCEL
    assert events_of(machine) == [transfer.TransferCancelled(by_peer=False)]


@pytest.mark.parametrize(
    ("stage", "asked"),
    [
        ("contact", [(HeaderType.ZRQINIT, 0)]),
        ("offer", [(HeaderType.ZFILE, 1 << 24)]),
        ("end", [(HeaderType.ZDATA, LENGTH), *ENDED]),
        ("finish", [(HeaderType.ZFIN, 0)]),
    ],
)
def test_a_silent_receiver_is_asked_again_once_each_time(
    stage: str, asked: list[tuple[HeaderType, int]]
) -> None:
    machine = sender(stage)
    machine.tick(9.9)
    assert machine.data_to_send() == b""
    machine.tick(10.0)
    machine.tick(20.0)
    assert heard(machine.data_to_send()) == asked, "what the line has not taken is not repeated"


@pytest.mark.parametrize(
    "words", [said(HeaderType.ZSKIP), said(HeaderType.ZCHALLENGE, 77) + said(HeaderType.ZSKIP)]
)
def test_the_last_file_skipped_in_its_middle_ends_the_session_at_once(words: bytes) -> None:
    machine = zmodem.ZmodemSender([FileOffer("A", LENGTH)], now=0.0)
    machine.receive_data(ZRINIT + said(HeaderType.ZRPOS))
    provide(machine, once=True)
    machine.data_to_send()
    machine.receive_data(words)
    assert heard(machine.data_to_send())[-1] == (HeaderType.ZFIN, 0)


def test_a_challenge_does_not_keep_the_last_word_back() -> None:
    machine = sender("finish")
    machine.receive_data(said(HeaderType.ZCHALLENGE, 77) + ZRINIT)
    assert heard(machine.data_to_send()) == [(HeaderType.ZACK, 77), (HeaderType.ZFIN, 0)]


def test_a_silent_receiver_of_data_must_say_where_it_stands() -> None:
    machine = sender("data")
    machine.tick(10.0)
    assert bytes((0x18, SubpacketEnd.ZCRCW)) in machine.data_to_send()
    assert machine.want is None
    machine.receive_data(said(HeaderType.ZACK, 1024))
    assert machine.want == Want(0, 1024, 1024)


def test_after_a_break_what_was_not_confirmed_goes_again() -> None:
    machine = sender("end")
    machine.receive_data(said(HeaderType.ZRPOS, 1024))
    provide(machine, once=True)
    machine.data_to_send()
    events_of(machine)
    machine.line_restored()
    assert heard(machine.data_to_send()) == [(HeaderType.ZDATA, 1024)]
    assert events_of(machine) == [transfer.Resent(1024, 512)]
    machine.receive_data(said(HeaderType.ZACK, 1024))
    want = machine.want
    assert want is not None
    assert want.position == 1024


def test_a_receiver_started_anew_behind_the_last_byte_confirms_nothing() -> None:
    machine = sender("end")
    machine.receive_data(ZRINIT)
    assert transfer.FileSent(0) not in events_of(machine)
    machine.receive_data(said(HeaderType.ZRPOS, 1024))
    assert machine.want == Want(0, 1024, 1024), "it goes on behind what the new one has"


def test_who_says_it_once_and_answers_the_next_zeof_was_started_anew() -> None:
    """When it was started, both ZEOF had got lost, or it would have said it three times."""
    machine = sender("end")
    machine.receive_data(said(HeaderType.ZACK, LENGTH) + ZRINIT)
    machine.tick(1.9)
    assert machine.data_to_send() == b""
    machine.tick(2.0)
    assert heard(machine.data_to_send()) == [(HeaderType.ZEOF, LENGTH)]
    machine.receive_data(ZRINIT)
    assert transfer.FileSent(0) not in events_of(machine)
    assert heard(machine.data_to_send()) == [AGAIN]


def test_who_never_answers_another_zeof_is_believed() -> None:
    machine = sender("end")
    machine.receive_data(said(HeaderType.ZACK, LENGTH) + ZRINIT)
    machine.tick(2.0)
    machine.tick(3.9)
    assert events_of(machine) == []
    machine.tick(4.0)
    assert events_of(machine) == [transfer.FileSent(0)]


def test_a_doubt_that_was_wrong_is_not_had_again() -> None:
    machine = sender("end")
    machine.receive_data(ZRINIT + said(HeaderType.ZRPOS, LENGTH - 100))
    provide(machine)
    machine.receive_data(said(HeaderType.ZACK, LENGTH) + ZRINIT)
    assert transfer.FileSent(0) in events_of(machine)


def test_a_word_after_zeof_had_to_be_sent_again_is_no_confirmation() -> None:
    machine = sender("end")
    machine.receive_data(said(HeaderType.ZACK, LENGTH))
    machine.tick(10.0)
    machine.receive_data(ZRINIT)
    assert transfer.FileSent(0) not in events_of(machine)
    assert heard(machine.data_to_send())[-1] == AGAIN


def test_a_word_after_the_line_was_gone_is_no_confirmation() -> None:
    machine = sender("end")
    machine.receive_data(said(HeaderType.ZACK, LENGTH))
    machine.line_restored()
    machine.receive_data(ZRINIT)
    assert transfer.FileSent(0) not in events_of(machine)


def test_an_empty_file_is_confirmed_by_a_receiver_that_was_there() -> None:
    machine = sender("end", 0)
    machine.receive_data(ZRINIT)
    assert transfer.FileSent(0) not in events_of(machine)
    machine.receive_data(said(HeaderType.ZRPOS) + said(HeaderType.ZACK) + ZRINIT * 2)
    assert transfer.FileSent(0) in events_of(machine)


def test_a_longer_file_in_the_way_of_a_new_receiver_is_named() -> None:
    """rz would write over its beginning and leave its end."""
    machine = sender("data")
    machine.receive_data(ZRINIT + said(HeaderType.ZCRC, LENGTH + 1))
    last = events_of(machine)[-1]
    assert isinstance(last, transfer.TransferFailed)
    assert "longer file" in last.what


@pytest.mark.parametrize("flags", [flag_bytes(0x23, buffer=1024), flag_bytes(0x22)])
def test_who_cannot_listen_while_it_works_gets_the_end_when_it_has_confirmed_all(
    flags: bytes,
) -> None:
    machine = zmodem.ZmodemSender([FileOffer("A", LENGTH)], now=0.0)
    machine.receive_data(hex_header(HeaderType.ZRINIT, flags) + said(HeaderType.ZRPOS))
    while (want := machine.want) is not None:
        machine.provide(bytes(want.length))
        if want.position + want.length < LENGTH:
            machine.receive_data(said(HeaderType.ZACK, want.position + want.length))
    assert (HeaderType.ZEOF, LENGTH) not in heard(machine.data_to_send())
    machine.receive_data(said(HeaderType.ZACK, LENGTH))
    assert heard(machine.data_to_send()) == [(HeaderType.ZEOF, LENGTH)]
    machine.receive_data(ZRINIT)
    assert transfer.FileSent(0) in events_of(machine)


def test_after_every_file_is_confirmed_silence_is_success() -> None:
    machine = sender("finish")
    for now in (10.0, 20.0, 30.0):
        machine.tick(now)
    assert events_of(machine) == [transfer.Finished()]
    assert machine.data_to_send().endswith(b"OO")


def test_an_offer_is_made_again_to_a_receiver_that_starts_late() -> None:
    machine = sender("offer")
    machine.tick(5.0)
    machine.receive_data(ZRINIT)
    assert heard(machine.data_to_send()) == [(HeaderType.ZFILE, 1 << 24)]


@pytest.mark.parametrize(
    ("words", "due"), [(b"", 10.0), (ZRINIT, 3.0), (ZRINIT + said(HeaderType.ZCRC, 5), 10.0)]
)
def test_an_offer_that_may_not_have_been_heard_is_soon_made_again(words: bytes, due: float) -> None:
    machine = sender("offer")
    machine.receive_data(words)
    assert machine.deadline == due


@pytest.mark.parametrize(("asked", "length"), [(0, LENGTH), (700, 700), (9999, LENGTH)])
def test_a_checksum_is_asked_of_what_there_is(asked: int, length: int) -> None:
    machine = sender("offer")
    machine.receive_data(said(HeaderType.ZCRC, asked))
    assert events_of(machine) == [transfer.ChecksumAsked(0, length)]
    machine.tick(10.0)
    assert machine.data_to_send() == b"", "it is our turn, not the receiver's"
    machine.answer_checksum(0x12345678)
    machine.answer_checksum(1)
    assert heard(machine.data_to_send()) == [(HeaderType.ZCRC, 0x12345678)]


def test_only_what_was_wanted_can_be_provided() -> None:
    machine = sender("data")
    want = machine.want
    assert want is not None
    for wrong in (bytes(want.length - 1), bytes(want.length + 1), b""):
        with pytest.raises(ValueError, match="not what was wanted"):
            machine.provide(wrong)


@pytest.mark.parametrize("length", [None, 1 << 32])
def test_a_length_that_zmodem_cannot_count_is_refused(length: int | None) -> None:
    with pytest.raises(ValueError, match="4,294,967,295"):
        zmodem.ZmodemSender([FileOffer("A", length)], now=0.0)


def test_confirmed_is_what_the_receiver_has_acknowledged() -> None:
    machine = sender("data")
    assert machine.confirmed == 0
    machine.receive_data(said(HeaderType.ZACK, 1024))
    assert machine.confirmed == 1024
    machine.receive_data(said(HeaderType.ZACK, 5000))
    assert machine.confirmed == 1024, "nobody can have what was never sent"


def test_errors_make_the_blocks_smaller_and_quiet_makes_them_grow() -> None:
    machine = sender("data", 100_000)
    for position in (0, 1, 2, 3, 4, 5):
        machine.receive_data(said(HeaderType.ZRPOS, position))
        provide(machine, once=True)
    small = machine.want
    assert small is not None
    assert small.length == 64
    while (want := machine.want) is not None and want.length < 1024:
        machine.provide(bytes(want.length))
        machine.receive_data(said(HeaderType.ZACK, want.position + want.length))
    assert want is not None
    assert want.length == 1024


# ---- The receiver, word for word


def offer_of(name: bytes = b"A", facts: bytes = b"3000 0 100644 0 1 3000") -> bytes:
    return WRITER.header(HeaderType.ZFILE, flag_bytes(1)) + WRITER.subpacket(
        name + b"\0" + facts + b"\0", SubpacketEnd.ZCRCW
    )


def frame(position: int, *pieces: tuple[bytes, SubpacketEnd]) -> bytes:
    head = WRITER.header(HeaderType.ZDATA, position_bytes(position))
    return head + b"".join(WRITER.subpacket(data, end) for data, end in pieces)


def receiver(
    stage: str, settings: zmodem.ZmodemReceiveSettings | None = None
) -> zmodem.ZmodemReceiver:
    """A receiver to which A with 3000 bytes is offered, at a stage; it has said nothing new."""
    made = zmodem.ZmodemReceiver(now=0.0, settings=settings)
    if stage != "wait":
        made.receive_data(offer_of())
    if stage in ("header", "data", "storing"):
        made.accept()
    if stage == "data":
        made.receive_data(frame(0, (bytes(1000), SubpacketEnd.ZCRCG)))
    if stage == "storing":
        made.receive_data(frame(0, (bytes(3000), SubpacketEnd.ZCRCE)) + eof(3000))
    made.data_to_send()
    events_of(made)
    return made


def eof(position: int) -> bytes:
    return WRITER.header(HeaderType.ZEOF, position_bytes(position))


DAMAGED_OFFER = offer_of().replace(b"A\0", b"X\0")
SINIT = WRITER.header(HeaderType.ZSINIT, flag_bytes(0)) + WRITER.subpacket(
    b"\0", SubpacketEnd.ZCRCW
)
READY = (HeaderType.ZRINIT, 0x23 << 24)


@pytest.mark.parametrize(
    ("stage", "word", "answer"),
    [
        ("wait", said(HeaderType.ZRQINIT), [READY]),
        ("wait", SINIT, [(HeaderType.ZACK, 0)]),
        ("wait", said(HeaderType.ZFREECNT), [(HeaderType.ZACK, 0xFFFFFFFF)]),
        ("wait", DAMAGED_OFFER, [(HeaderType.ZNAK, 0)]),
        ("wait", offer_of(b""), [(HeaderType.ZSKIP, 0)]),
        ("wait", offer_of(b"A", b"x"), [(HeaderType.ZSKIP, 0)]),
        ("wait", said(HeaderType.ZFIN), [(HeaderType.ZFIN, 0)]),
        ("wait", said(HeaderType.ZDATA), []),
        ("wait", said(HeaderType.ZEOF), [READY]),
        ("header", offer_of(), [(HeaderType.ZRPOS, 0)]),
        ("header", said(HeaderType.ZNAK), [(HeaderType.ZRPOS, 0)]),
        ("header", frame(0, (b"x" * 9, SubpacketEnd.ZCRCQ)), [(HeaderType.ZACK, 9)]),
        ("header", frame(0, (b"x" * 9, SubpacketEnd.ZCRCW)), [(HeaderType.ZACK, 9)]),
        ("header", frame(0, (b"x" * 9, SubpacketEnd.ZCRCG)), []),
        ("header", frame(0, (b"x" * 9, SubpacketEnd.ZCRCE)), []),
        ("header", frame(100), [(HeaderType.ZRPOS, 0)]),
        ("header", eof(2000), []),
        ("header", b"x" * (17 << 10), [(HeaderType.ZRPOS, 0)]),
        ("header", said(HeaderType.ZRQINIT), [READY]),
        ("header", said(HeaderType.ZSKIP), [READY]),
        ("header", SINIT, [(HeaderType.ZACK, 0)]),
        ("data", WRITER.subpacket(b"y", SubpacketEnd.ZCRCQ), [(HeaderType.ZACK, 1001)]),
        ("data", b"y\x18h0000", [(HeaderType.ZRPOS, 1000)]),
        (
            "data",
            b"y" * (17 << 10),
            [(HeaderType.ZRPOS, 1000)] * 2,
        ),  # no end of data, then no header
    ],
)
def test_what_the_receiver_answers(
    stage: str, word: bytes, answer: list[tuple[HeaderType, int]]
) -> None:
    machine = receiver(stage)
    machine.receive_data(word)
    assert heard(machine.data_to_send()) == answer
    assert not machine.done


@pytest.mark.parametrize(
    ("stage", "word", "reason", "what"),
    [
        (
            "data",
            WRITER.subpacket(bytes(2001), SubpacketEnd.ZCRCG),
            Reason.LIMIT,
            "more than the length",
        ),
        (
            "data",
            WRITER.subpacket(b"", SubpacketEnd.ZCRCE) + eof(1000),
            Reason.CHANGED,
            "3000 bytes and",
        ),
        ("wait", DAMAGED_OFFER * 41, Reason.NOISE, "40 errors"),
        ("header", frame(9999) * 41, Reason.NOISE, "data of another place"),
        ("header", b"**\x18B0a00000000ffff" * 41, Reason.NOISE, "hex header with a wrong CRC"),
        ("wait", ZRINIT * 41, Reason.NOISE, "echoes what we send"),
    ],
)
def test_what_the_receiver_takes_for_a_failure(
    stage: str, word: bytes, reason: Reason, what: str
) -> None:
    machine = receiver(stage)
    machine.receive_data(word)
    last = events_of(machine)[-1]
    assert isinstance(last, transfer.TransferFailed)
    assert last.reason == reason
    assert what in last.what
    assert machine.data_to_send().endswith(CANCEL)


@pytest.mark.parametrize("word", [said(HeaderType.ZABORT), said(HeaderType.ZFERR), b"\x18" * 5])
@pytest.mark.parametrize("stage", ["wait", "header"])
def test_the_sender_may_cancel_at_any_time(stage: str, word: bytes) -> None:
    machine = receiver(stage)
    machine.receive_data(word)
    assert events_of(machine) == [transfer.TransferCancelled(by_peer=True)]


def test_the_sender_may_cancel_in_the_middle_of_data() -> None:
    machine = receiver("data")
    machine.receive_data(b"half a subpack" + CANCEL)
    assert events_of(machine) == [transfer.TransferCancelled(by_peer=True)]


@pytest.mark.parametrize(
    "word",
    [said(HeaderType.ZRQINIT), said(HeaderType.ZFIN), offer_of(b"B"), said(HeaderType.ZSKIP)],
)
def test_a_sender_that_turns_away_leaves_a_broken_file(word: bytes) -> None:
    machine = receiver("data")
    machine.receive_data(WRITER.subpacket(b"", SubpacketEnd.ZCRCE) + word)
    assert events_of(machine)[0] == transfer.FileBroken(1000)


def test_what_is_known_already_is_passed_over() -> None:
    machine = receiver("data")
    machine.receive_data(WRITER.subpacket(b"", SubpacketEnd.ZCRCE))
    machine.receive_data(frame(500, (b"o" * 500 + b"new", SubpacketEnd.ZCRCG)))
    assert events_of(machine) == [transfer.Received(1000, b"new")]


def test_all_that_was_sent_before_the_refusal_was_heard_is_passed_over() -> None:
    machine = receiver("offered")
    machine.skip()
    assert heard(machine.data_to_send()) == [(HeaderType.ZSKIP, 0)]
    machine.receive_data(frame(0, (bytes(3000), SubpacketEnd.ZCRCE)) + eof(3000))
    assert events_of(machine) == []
    assert heard(machine.data_to_send()) == [READY]


CALLS: dict[str, Callable[[zmodem.ZmodemReceiver], None]] = {
    "accept": lambda machine: machine.accept(),
    "skip": lambda machine: machine.skip(),
    "ask_checksum": lambda machine: machine.ask_checksum(5),
    "stored": lambda machine: machine.stored(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("stage", ["wait", "header", "data"])
def test_a_decision_out_of_turn_is_a_mistake(stage: str, call: str) -> None:
    with pytest.raises(ValueError, match="no file"):
        CALLS[call](receiver(stage))


@pytest.mark.parametrize(
    ("stage", "position"), [("header", 0), ("data", 1000)]
)  # fmt: skip
def test_a_silent_sender_is_told_the_place_less_and_less_often(stage: str, position: int) -> None:
    machine = receiver(stage)
    asked = []
    while len(asked) < 5:
        due = machine.deadline
        assert due is not None
        machine.tick(due)
        assert heard(machine.data_to_send()) == [(HeaderType.ZRPOS, position)]
        asked.append(due)
    assert asked == [5.0, 15.0, 35.0, 75.0, 115.0]


def test_nobody_is_asked_while_our_own_disk_works() -> None:
    assert receiver("storing").deadline is None
    assert receiver("offered").deadline is None


def echoed(machine: zmodem.ZmodemSender | zmodem.ZmodemReceiver, until: float) -> TransferEvent:
    """The end of one that hears nothing but itself, as from a plug that bridges the line."""
    now = 0.0
    while not machine.done and now < until:
        if out := machine.data_to_send():
            machine.receive_data(out)
        elif isinstance(machine, zmodem.ZmodemSender) and machine.want is not None:
            provide(machine, once=True)
        else:
            assert machine.deadline is not None
            now = max(now, machine.deadline)
            machine.tick(now)
    return events_of(machine)[-1]


@pytest.mark.parametrize("stage", ["offer", "data", "end"])
def test_a_senders_own_words_are_no_sign_of_a_receiver(stage: str) -> None:
    last = echoed(sender(stage), 2000.0)
    assert isinstance(last, transfer.TransferFailed)
    assert last.reason == Reason.SILENCE
    assert last.what == "the receiver said nothing for 600 s"


@pytest.mark.parametrize("stage", ["header", "data"])
def test_a_receivers_own_words_are_no_sign_of_a_sender(stage: str) -> None:
    last = echoed(receiver(stage), 2000.0)
    assert isinstance(last, transfer.TransferFailed)
    assert last.reason == Reason.SILENCE
    assert last.what == "the sender said nothing for 300 s"


def test_a_receiver_that_hears_only_itself_says_so() -> None:
    last = echoed(receiver("wait"), 2000.0)
    assert isinstance(last, transfer.TransferFailed)
    assert "echoes" in last.what


def test_nonsense_in_mid_file_is_not_called_silence() -> None:
    machine = sender("data")
    for now in range(0, 700, 5):
        machine.receive_data(b"login: ")
        machine.tick(float(now))
    last = events_of(machine)[-1]
    assert isinstance(last, transfer.TransferFailed)
    assert last.what == "the receiver said nothing that makes sense for 600 s"


def test_garbage_is_not_called_silence() -> None:
    machine = receiver("wait")
    machine.receive_data(b"\xfe\x7c\xf0\x80" * 9)
    machine.tick(60.0)
    assert "another speed" in str(events_of(machine))


@pytest.mark.parametrize(
    ("stage", "until", "what"),
    [("wait", 60.0, "nobody sent anything"), ("data", 300.0, "the sender said nothing for 300 s")],
)
def test_silence_ends_it_at_last(stage: str, until: float, what: str) -> None:
    machine = receiver(stage)
    machine.tick(until - 0.1)
    assert not machine.done
    machine.tick(until)
    assert events_of(machine) == [transfer.TransferFailed(Reason.SILENCE, what)]


def test_a_sender_that_knows_no_checksums_is_asked_three_times() -> None:
    machine = receiver("offered")
    machine.ask_checksum(500)
    asked = heard(machine.data_to_send())
    for now in (5.0, 10.0, 15.0):
        machine.tick(now)
        asked += heard(machine.data_to_send())
    assert asked == [(HeaderType.ZCRC, 500)] * 3
    assert events_of(machine) == [transfer.ChecksumTold(None)]
    machine.accept()
    assert heard(machine.data_to_send()) == [(HeaderType.ZRPOS, 0)]


def test_a_checksum_told_is_handed_on() -> None:
    machine = receiver("offered")
    machine.ask_checksum(500)
    machine.receive_data(said(HeaderType.ZCRC, zlib.crc32(bytes(500))))
    assert events_of(machine) == [transfer.ChecksumTold(zlib.crc32(bytes(500)))]


def test_more_files_than_allowed_end_it() -> None:
    machine = receiver("wait", zmodem.ZmodemReceiveSettings(max_files=2))
    for name in (b"A", b"B"):
        machine.receive_data(offer_of(name, b"0"))
        machine.accept()
        machine.receive_data(frame(0, (b"", SubpacketEnd.ZCRCE)) + eof(0))
        machine.stored()
    machine.receive_data(offer_of(b"C", b"0"))
    assert events_of(machine)[-1] == transfer.TransferFailed(Reason.LIMIT, "more than 2 files")


def test_what_the_shell_says_behind_the_session_is_not_lost() -> None:
    machine = receiver("wait")
    assert machine.trailing_data() == b""
    machine.receive_data(said(HeaderType.ZFIN) + b"OO$ ")
    assert events_of(machine) == [transfer.Finished()]
    assert machine.trailing_data() == b"$ "


@pytest.mark.parametrize("last", [b"", b"O"])
def test_the_last_two_letters_may_stay_away(last: bytes) -> None:
    machine = receiver("wait")
    machine.receive_data(said(HeaderType.ZFIN) + last)
    machine.tick(0.9)
    assert not machine.done
    machine.tick(1.0)
    assert events_of(machine) == [transfer.Finished()]


def test_a_receiver_may_cancel_too_and_says_it_once() -> None:
    machine = receiver("data")
    machine.cancel()
    machine.cancel()
    assert machine.data_to_send() == CANCEL
    assert events_of(machine) == [transfer.TransferCancelled(by_peer=False)]
    machine.receive_data(said(HeaderType.ZRQINIT))
    machine.tick(1000.0)
    assert machine.data_to_send() == b""


# ---- Frames


@pytest.mark.parametrize(
    ("data", "who"),
    [
        (b"$ sz A.BIN\r\nrz\r**\x18B00000000000000\r\x8a\x11", "sender"),
        (b"**\x18B0000000000", None),
        (ZRINIT, "receiver"),
        (b"login: ", None),
        (b"", None),
    ],
)
def test_a_terminal_sees_who_begins(data: bytes, who: str | None) -> None:
    assert zmodem.detect(data) == who


@pytest.mark.parametrize("length", [1, 2, 16, 17, 1000])
def test_a_word_is_read_however_it_is_cut(length: int) -> None:
    words = said(HeaderType.ZRPOS, 5) + WRITER.header(HeaderType.ZDATA, position_bytes(0x18181818))
    words += WRITER.subpacket(b"\x18\x11\x13@\r\x7f\xff", SubpacketEnd.ZCRCW)
    reader = FrameReader()
    found: list[object] = []
    for start in range(0, len(words), length):
        reader.feed(words[start : start + length])
        while (
            piece := reader.next_header() if len(found) < 2 else reader.next_subpacket()
        ) is not None:
            found.append(piece)
            if len(found) == 3:
                break
    assert found == [
        Header(HeaderType.ZRPOS, position_bytes(5)),
        Header(HeaderType.ZDATA, position_bytes(0x18181818), wide=True),
        Subpacket(b"\x18\x11\x13@\r\x7f\xff", SubpacketEnd.ZCRCW),
    ]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"abc\x18k" + bytes(4), "wrong CRC"),
        (b"a\x18\x07c\x18k" + bytes(4), "breaks the rules"),
        (b"abc\x18k\x18\x07" + bytes(4), "breaks the rules"),
        (b"x" * 20_000, "without an end"),
    ],
)
def test_what_breaks_a_subpacket_is_named_and_not_eaten(body: bytes, what: str) -> None:
    reader = FrameReader()
    reader.feed(WRITER.header(HeaderType.ZDATA, bytes(4)))
    reader.next_header()
    reader.feed(body + said(HeaderType.ZEOF, 7))
    damaged = reader.next_subpacket()
    assert isinstance(damaged, Damaged)
    assert what in damaged.what
    assert reader.next_header() == Header(HeaderType.ZEOF, position_bytes(7))


def garbage_in(data: bytes) -> int:
    reader = FrameReader()
    reader.feed(data)
    while reader.next_header() is not None:
        pass
    return reader.garbage


@pytest.mark.parametrize("noise", [b"", b"noise", b"\r\n", b"x" * 500])
def test_noise_between_words_is_counted_by_its_bytes(noise: bytes) -> None:
    word = said(HeaderType.ZNAK)
    assert garbage_in(word + noise + word) == garbage_in(word + word) + len(noise)
