"""XMODEM and YMODEM: both sides with a line that loses, and each side's answer to every byte."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from deployer.core.serial import transfer, xmodem
from deployer.core.serial.transfer import FileOffer, Reason, Want
from deployer.core.serial.xmodem import CANCEL, Flavour
from deployer.core.serial.xmodem.frames import ACK, CAN, EOT, NAK, encode
from tests.core.serial import pair
from tests.core.serial.pair import events_of

DATA = bytes(range(256)) * 14
FILES = {"A.BIN": DATA, "EMPTY.BIN": b"", "B.BIN": DATA[:200]}
C = ord("C")


@dataclass
class Pair(pair.Pair):
    """A sender and a receiver of the same flavour."""

    flavour: Flavour = Flavour.YMODEM

    def sides(self, offers: list[FileOffer]) -> tuple[xmodem.XmodemSender, xmodem.XmodemReceiver]:
        sending = xmodem.XmodemSendSettings(flavour=self.flavour)
        receiving = xmodem.XmodemReceiveSettings(
            flavour=self.flavour, name=next(iter(self.files), "")
        )
        sender = xmodem.XmodemSender(offers, now=0.0, settings=sending)
        return sender, xmodem.XmodemReceiver(now=0.0, settings=receiving)


def assert_all_arrived(pair: Pair) -> None:
    """XMODEM cannot say how long a file is, so that its last block is padded."""
    is_told = pair.flavour is Flavour.YMODEM
    pair.assert_all_arrived(None if is_told else len(next(iter(pair.files.values()))))


@pytest.mark.parametrize("number", range(1, 17))
def test_any_one_message_of_a_batch_may_be_lost_or_damaged(number: int) -> None:
    assert_all_arrived(Pair(FILES, lost_there=frozenset({number})).run())
    assert_all_arrived(Pair(FILES, flipped=frozenset({number})).run())


@pytest.mark.parametrize("number", range(1, 17))
def test_any_one_answer_in_a_batch_may_be_lost(number: int) -> None:
    assert_all_arrived(Pair(FILES, lost_back=frozenset({number})).run())


@pytest.mark.parametrize("number", range(1, 17))
def test_the_plug_may_be_pulled_at_any_message(number: int) -> None:
    assert_all_arrived(Pair(FILES, broken_at=number).run())


@pytest.mark.parametrize("flavour", [Flavour.XMODEM, Flavour.XMODEM_1K])
@pytest.mark.parametrize("number", range(1, 8))
def test_any_one_message_of_a_single_file_may_be_lost(flavour: Flavour, number: int) -> None:
    one = {"A.BIN": DATA[:700]}
    assert_all_arrived(Pair(one, flavour=flavour, lost_there=frozenset({number})).run())
    assert_all_arrived(Pair(one, flavour=flavour, flipped=frozenset({number})).run())


@pytest.mark.parametrize("number", range(1, 7))
def test_any_one_answer_to_a_single_file_may_be_lost(number: int) -> None:
    one = {"A.BIN": DATA[:700]}
    assert_all_arrived(Pair(one, flavour=Flavour.XMODEM, lost_back=frozenset({number})).run())


def test_without_a_loss_nobody_waits() -> None:
    assert Pair(FILES).run().now == 0.0


# ---- The sender, byte for byte


def sender(stage: str, flavour: Flavour = Flavour.YMODEM, length: int = 300) -> xmodem.XmodemSender:
    """A sender of one file at a stage; what it has said so far is taken away."""
    settings = xmodem.XmodemSendSettings(flavour=flavour)
    made = xmodem.XmodemSender([FileOffer("A", length)], now=0.0, settings=settings)
    before = {"start": b"", "named": b"C", "called": b"C\x06", "block": b"C\x06C"}
    made.receive_data(before.get(stage, b"C\x06C"))
    while stage not in ("start", "named", "called") and (want := made.want) is not None:
        made.provide(bytes(want.length))
        if stage == "block":
            break
        made.receive_data(bytes((ACK,)))
    if stage in ("close", "closed"):
        made.receive_data(bytes((ACK,)))
    if stage == "closed":
        made.receive_data(b"C")
    made.data_to_send()
    events_of(made)
    return made


ZERO = encode(0, b"A\x00300 0 100644\0".ljust(128, b"\0"), crc=True)
BLOCK = encode(1, bytes(128), crc=True)
LAST = encode(0, bytes(128), crc=True)
END = bytes((EOT,))


@pytest.mark.parametrize(
    ("stage", "word", "answer"),
    [
        ("start", b"C", ZERO),
        ("start", bytes((NAK,)), ZERO[:-2] + bytes((sum(ZERO[3:-2]) & 0xFF,))),
        ("start", bytes((ACK,)), b""),
        ("start", b"login: x", b""),
        ("named", bytes((NAK,)), ZERO),
        ("named", b"C", ZERO),
        ("named", bytes((ACK,)), b""),
        ("called", bytes((ACK,)), b""),
        ("block", bytes((NAK,)), BLOCK),
        ("block", b"C", BLOCK),
        ("block", b"x\x11\x13", b""),
        ("end", bytes((NAK,)), END),
        ("end", b"C", END),
        ("close", bytes((ACK,)), b""),
        ("close", b"C", LAST),
        ("closed", bytes((NAK,)), LAST),
        ("closed", b"C", b""),
    ],
)
def test_what_the_sender_answers(stage: str, word: bytes, answer: bytes) -> None:
    machine = sender(stage)
    machine.receive_data(word)
    assert machine.data_to_send() == answer
    assert not machine.done


@pytest.mark.parametrize(
    ("flavour", "answer", "most"),
    [
        (Flavour.XMODEM_1K, b"", 2),  # it would take EOT for an empty file
        (Flavour.YMODEM, END, 4),  # it may have lost only its last answer
    ],
)
def test_a_receiver_started_anew_behind_the_last_block_confirms_nothing(
    flavour: Flavour, answer: bytes, most: int
) -> None:
    machine = sender("block", flavour)
    while (want := machine.want) is not None or not machine.data_to_send().endswith(END):
        if want is not None:
            machine.provide(bytes(want.length))
        machine.receive_data(bytes((ACK,)))
    events_of(machine)
    for _ in range(most - 1):
        machine.receive_data(b"C")
        assert machine.data_to_send() == answer
        assert not machine.done
    machine.receive_data(b"C")
    last = events_of(machine)[-1]
    assert isinstance(last, transfer.TransferFailed)
    assert "started again" in last.what


def test_an_empty_file_may_be_called_for_twice() -> None:
    machine = sender("end", length=0)
    machine.receive_data(b"CC")
    assert machine.data_to_send() == END * 1
    machine.receive_data(bytes((ACK,)))
    assert events_of(machine) == [transfer.FileSent(0)]


def test_a_call_behind_the_first_block_is_noise() -> None:
    machine = sender("block", length=2000)
    machine.receive_data(bytes((ACK,)))
    want = machine.want
    assert want is not None
    machine.provide(bytes(want.length))
    machine.data_to_send()
    machine.receive_data(b"C")
    assert machine.data_to_send() == b""


@pytest.mark.parametrize(
    ("stage", "again"),
    [("start", b""), ("named", ZERO), ("called", b""), ("block", BLOCK)],
)
def test_after_a_minute_it_says_again_what_may_have_been_lost(stage: str, again: bytes) -> None:
    machine = sender(stage)
    machine.receive_data(b"")
    machine.tick(59.0)
    assert machine.data_to_send() == b""
    machine.tick(60.0)
    assert machine.data_to_send().removesuffix(CANCEL) == again
    assert machine.done == (stage == "start")


@pytest.mark.parametrize("stage", ["start", "named", "block", "close"])
def test_silence_ends_it_at_last(stage: str) -> None:
    machine = sender(stage)
    machine.tick(600.0)
    last = events_of(machine)[-1]
    assert isinstance(last, transfer.TransferFailed)
    assert last.reason == Reason.SILENCE
    expected = "no receiver was started" if stage == "start" else "said nothing for 600 s"
    assert expected in last.what
    assert machine.deadline is None


@pytest.mark.parametrize("word", [bytes((ACK,)), b""])
def test_the_last_word_may_stay_away(word: bytes) -> None:
    machine = sender("closed")
    machine.receive_data(word)
    machine.tick(10.0)
    assert events_of(machine) == [transfer.Finished()]


@pytest.mark.parametrize("stage", ["named", "block", "end"])
def test_a_block_that_fails_for_ever_ends_it(stage: str) -> None:
    machine = sender(stage)
    machine.receive_data(bytes((NAK,)) * 26)
    last = events_of(machine)[-1]
    assert isinstance(last, transfer.TransferFailed)
    assert last.reason == Reason.NOISE
    assert machine.data_to_send().endswith(CANCEL)


def test_what_goes_twice_is_told() -> None:
    machine = sender("block")
    machine.receive_data(bytes((NAK,)))
    assert events_of(machine) == [transfer.Resent(0, 128)]


@pytest.mark.parametrize("stage", ["start", "named", "block", "end", "close", "closed"])
def test_cancelling_tells_the_receiver_and_nothing_else(stage: str) -> None:
    machine = sender(stage)
    machine.receive_data(bytes((NAK,)))
    events_of(machine)
    machine.cancel()
    machine.cancel()
    assert machine.data_to_send() == CANCEL
    assert events_of(machine) == [transfer.TransferCancelled(by_peer=False)]
    machine.receive_data(b"C")
    machine.tick(9999.0)
    assert machine.data_to_send() == b""


@pytest.mark.parametrize("flavour", list(Flavour))
@pytest.mark.parametrize("cut", [1, 2, 3, 50])
def test_an_echo_of_a_block_is_no_answer_to_it(flavour: Flavour, cut: int) -> None:
    """Somewhere in most blocks stands a byte that would be ACK."""
    machine = xmodem.XmodemSender(
        [FileOffer("A", 5000)], now=0.0, settings=xmodem.XmodemSendSettings(flavour=flavour)
    )
    machine.receive_data(b"C")
    for _ in range(10):
        if (want := machine.want) is not None:
            machine.provide(bytes((ACK,)) * want.length)
        out = machine.data_to_send()
        machine.receive_data(out[:cut])
        machine.receive_data(out[cut:])
    last = events_of(machine)[-1]
    assert isinstance(last, transfer.TransferFailed)
    assert last.reason == Reason.PEER
    assert "echoes" in last.what


def test_one_can_is_noise() -> None:
    machine = sender("block")
    machine.receive_data(bytes((CAN, ACK, CAN)))
    assert not machine.done


def test_confirmed_counts_what_was_acknowledged() -> None:
    machine = sender("block")
    assert machine.confirmed == 0
    machine.receive_data(bytes((ACK,)))
    assert machine.confirmed == 128


@pytest.mark.parametrize(
    ("flavour", "length", "want"),
    [
        (Flavour.XMODEM, 5000, 128),
        (Flavour.XMODEM_1K, 5000, 1024),
        (Flavour.XMODEM_1K, 897, 897),
        (Flavour.XMODEM_1K, 896, 128),
        (Flavour.XMODEM_1K, 100, 100),
    ],
)
def test_blocks_are_long_where_that_pays(flavour: Flavour, length: int, want: int) -> None:
    machine = xmodem.XmodemSender(
        [FileOffer("A", length)], now=0.0, settings=xmodem.XmodemSendSettings(flavour=flavour)
    )
    machine.receive_data(b"C")
    assert machine.want == Want(0, 0, want)
    with pytest.raises(ValueError, match="not what was wanted"):
        machine.provide(bytes(want - 1))


@pytest.mark.parametrize(
    ("offers", "flavour", "what"),
    [
        ([], Flavour.XMODEM, "one file"),
        ([FileOffer("A", 1)] * 2, Flavour.XMODEM_1K, "one file"),
        ([FileOffer("A", None)], Flavour.YMODEM, "needs a length"),
        ([FileOffer("A", 1 << 32)], Flavour.YMODEM, "needs a length"),
    ],
)
def test_what_cannot_be_sent_is_refused(
    offers: list[FileOffer], flavour: Flavour, what: str
) -> None:
    with pytest.raises(ValueError, match=what):
        xmodem.XmodemSender(offers, now=0.0, settings=xmodem.XmodemSendSettings(flavour=flavour))


def test_a_long_name_gets_a_long_block() -> None:
    machine = xmodem.XmodemSender([FileOffer("N" * 200, 5)], now=0.0)
    machine.receive_data(b"C")
    block = machine.data_to_send()
    assert (block[0], len(block)) == (0x02, 1029)
    assert block[3:].startswith(b"N" * 200 + b"\x005 0 100644\0")


# ---- The receiver, byte for byte


def zero(name: bytes = b"A", facts: bytes = b"300") -> bytes:
    return encode(0, (name + b"\0" + facts + b"\0").ljust(128, b"\0"), crc=True)


def receiver(stage: str, **options: float) -> xmodem.XmodemReceiver:
    """A YMODEM receiver (of 300 bytes) at a stage; it has said nothing new."""
    made = xmodem.XmodemReceiver(now=0.0, settings=xmodem.XmodemReceiveSettings(**options))
    if stage != "call":
        made.receive_data(zero())
    if stage in ("data", "middle", "storing"):
        made.accept()
    if stage in ("middle", "storing"):
        made.receive_data(encode(1, b"x" * 128, crc=True))
    if stage == "storing":
        made.receive_data(encode(2, b"x" * 1024, crc=True) + END)
        made.receive_data(END)
    made.data_to_send()
    events_of(made)
    return made


@pytest.mark.parametrize(
    ("stage", "word", "answer"),
    [
        ("call", b"$ sb A.BIN\r\n", b""),
        ("call", END * 2, b""),  # not ours: nothing was begun
        ("call", zero(b"\0", b""), bytes((ACK,))),
        ("data", zero(), bytes((ACK, C))),
        ("middle", encode(1, b"x" * 128, crc=True), bytes((ACK,))),
        ("middle", encode(2, b"x" * 128, crc=True)[:50], b""),
        ("middle", END, bytes((NAK,))),
        ("middle", bytes((CAN,)), b""),
        ("middle", bytes((CAN, ACK)), b""),
    ],
)
def test_what_the_receiver_answers(stage: str, word: bytes, answer: bytes) -> None:
    machine = receiver(stage)
    machine.receive_data(word)
    assert machine.data_to_send() == answer


@pytest.mark.parametrize(
    ("stage", "word", "reason", "what"),
    [
        ("call", zero(b"A", b"-3"), Reason.LIMIT, "impossible name or length"),
        ("call", zero(b"A", b"99999999999"), Reason.LIMIT, "impossible name or length"),
        ("middle", END * 2, Reason.CHANGED, "300 bytes and ended after 128"),
        ("middle", encode(9, b"", crc=True), Reason.NOISE, "a block is missing"),
        (
            "middle",
            encode(2, bytes(1024), crc=True) + encode(3, b"", crc=True),
            Reason.LIMIT,
            "more than the length it announced",
        ),
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


def test_a_file_without_a_length_has_a_limit_too() -> None:
    settings = xmodem.XmodemReceiveSettings(flavour=Flavour.XMODEM, name="A", max_length=2048)
    machine = xmodem.XmodemReceiver(now=0.0, settings=settings)
    machine.accept()
    machine.receive_data(b"".join(encode(n, bytes(1024), crc=True) for n in range(1, 5)))
    last = events_of(machine)[-1]
    assert last == transfer.TransferFailed(Reason.LIMIT, "the file is longer than allowed")


def test_the_rest_of_a_damaged_block_is_waited_out() -> None:
    machine = receiver("middle")
    bad = bytearray(encode(2, b"y" * 128, crc=True))
    bad[50] ^= 1
    machine.receive_data(bytes(bad))
    machine.tick(0.3)
    machine.receive_data(b"the tail of what was damaged")
    machine.tick(0.7)
    assert machine.data_to_send() == b"", "the line has not been quiet for half a second"
    machine.tick(0.8)
    assert machine.data_to_send() == bytes((NAK,))


def test_a_sender_that_gives_up_behind_a_damaged_block_is_heard() -> None:
    machine = receiver("middle")
    machine.receive_data(b"!")
    machine.receive_data(bytes((CAN, CAN)))
    assert events_of(machine) == [transfer.TransferCancelled(by_peer=True)]


def test_a_line_that_damages_everything_ends_it() -> None:
    machine = receiver("middle")
    now = 0.0
    while not machine.done:
        machine.receive_data(b"!")
        now += 1.0
        machine.tick(now)
    last = events_of(machine)[-1]
    assert last == transfer.TransferFailed(Reason.NOISE, "25 damaged blocks in a row")
    assert now == 26.0


def test_a_block_of_the_middle_is_no_offer() -> None:
    machine = receiver("call")
    machine.receive_data(encode(7, b"A", crc=True))
    assert events_of(machine) == []
    machine.tick(1.0)
    assert machine.data_to_send() == b"C"


def test_the_end_that_comes_again_is_acknowledged_again() -> None:
    machine = receiver("storing")
    machine.stored()
    assert machine.data_to_send() == bytes((ACK, C))
    machine.receive_data(END)
    assert machine.data_to_send() == bytes((ACK, C))
    assert events_of(machine) == []


def test_an_old_sender_is_called_without_crc_after_four_calls() -> None:
    settings = xmodem.XmodemReceiveSettings(flavour=Flavour.XMODEM, name="A")
    machine = xmodem.XmodemReceiver(now=0.0, settings=settings)
    machine.accept()
    calls = machine.data_to_send()
    for now in (3.0, 6.0, 9.0, 12.0):
        machine.tick(now)
        calls += machine.data_to_send()
    assert calls == bytes((C, C, C, C, NAK))
    machine.receive_data(encode(1, b"old", crc=False))
    assert machine.data_to_send() == bytes((ACK,))


@pytest.mark.parametrize(("stage", "word"), [("call", b"C"), ("data", b"C"), ("middle", b"\x15")])
def test_a_silent_sender_is_asked_again(stage: str, word: bytes) -> None:
    machine = receiver(stage)
    due = machine.deadline
    assert due is not None
    machine.tick(due - 0.1)
    assert machine.data_to_send() == b""
    machine.tick(due)
    assert machine.data_to_send() == word


@pytest.mark.parametrize(
    ("stage", "until", "what"),
    [("call", 60.0, "nobody sent anything"), ("middle", 300.0, "said nothing for 300 s")],
)
def test_a_sender_that_stays_away_ends_it(stage: str, until: float, what: str) -> None:
    machine = receiver(stage)
    machine.tick(until)
    last = events_of(machine)[-1]
    assert isinstance(last, transfer.TransferFailed)
    assert (last.reason, what in last.what) == (Reason.SILENCE, True)


@pytest.mark.parametrize("end", ["cancel", "skip"])
def test_cancelling_a_receiver_tells_the_sender(end: str) -> None:
    """Neither protocol can pass a file over: not to want it ends the transfer."""
    machine = receiver("offered")
    machine.cancel() if end == "cancel" else machine.skip()
    machine.cancel()
    assert machine.data_to_send() == CANCEL
    assert events_of(machine) == [transfer.TransferCancelled(by_peer=False)]
    machine.receive_data(zero())
    assert (machine.deadline, machine.data_to_send()) == (None, b"")


def test_a_full_disk_is_told() -> None:
    machine = receiver("storing")
    machine.refuse("the disk is full")
    assert machine.data_to_send() == CANCEL
    assert events_of(machine) == [transfer.TransferFailed(Reason.DISK, "the disk is full")]


@pytest.mark.parametrize(("stage", "position"), [("call", 0), ("middle", 0), ("offered", 128)])
def test_only_an_offer_can_be_accepted_and_from_its_beginning(stage: str, position: int) -> None:
    with pytest.raises(ValueError, match="nothing is offered"):
        receiver(stage).accept(position)


def test_only_a_file_that_ended_can_be_stored() -> None:
    with pytest.raises(ValueError, match="no file has ended"):
        receiver("middle").stored()


@pytest.mark.parametrize("stage", ["offered", "storing"])
def test_nobody_is_asked_while_our_own_disk_works(stage: str) -> None:
    machine = receiver(stage)
    machine.line_restored()
    machine.tick(9999.0)
    assert machine.data_to_send() == b""
