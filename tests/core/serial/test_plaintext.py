"""Plain text between % and %: what goes out is what comes in, however the line cuts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.serial.plaintext import Gate, IncomingText, TextRefusedError, prepared

WORDS = st.text("ABCXYZO0123456789 .-()%:", max_size=20)
PROGRAMS = st.lists(WORDS, min_size=1, max_size=12).filter(lambda ls: any(x.strip() for x in ls))
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def came(data: bytes, *, bits: int = 7, pieces: int = 1000) -> IncomingText:
    incoming = IncomingText(bits=bits)
    for at in range(0, len(data), pieces):
        incoming.take(data[at : at + pieces])
    return incoming


@given(PROGRAMS, ENDS, st.integers(1, 9))
def test_every_program_arrives_as_its_lines_between_two_marks(
    lines: list[str], end: str, pieces: int
) -> None:
    sent = prepared(end.join(lines).encode(), bits=7)
    arrived = came(b"\0\x7f\x11" + sent + b"\0\x13", pieces=pieces)
    assert arrived.ended
    told = [line.rstrip("\r") for line in arrived.text.decode().split("\n")]
    inside = [line for line in lines if line.strip()]
    assert [line for line in told if line.strip() and line.strip() != "%"] == [
        line for line in inside if line.strip() != "%"
    ]
    assert told[-2].strip() == "%"
    assert arrived.text.lstrip().startswith(b"%")


@pytest.mark.parametrize("pieces", [1, 2, 7, 1000])
def test_a_program_that_has_its_marks_is_not_changed(pieces: int) -> None:
    program = b"%\r\nO1000\r\nG90 G21\r\nM30\r\n%\r\n"
    assert prepared(program, bits=7) == program
    assert came(program, pieces=pieces).text == program


def test_a_mark_at_the_beginning_of_a_line_with_more_on_it_ends_nothing() -> None:
    incoming = came(b"%_N_MPF1_MPF\r\nG0\r\n%")
    assert incoming.ended
    incoming.take(b"_N_MPF2_MPF\r\nM30\r\n")
    assert not incoming.ended
    incoming.take(b"%\r\n")
    assert incoming.ended


def test_one_mark_alone_is_the_beginning() -> None:
    assert not came(b"%\r\n").ended
    assert not came(b"noise\r\n").text


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"G0\nG1 \xc4\n", "line 2 holds a byte that 7 bits"),
        (b"G0\x13\n", "line 1 holds XON or XOFF"),
        (b"G0\n\x04G1\n", "line 2 holds a character that ends"),
        (b"", "no text"),
        (b"\r\n \r\n", "no text"),
    ],
)
def test_what_the_line_would_swallow_is_refused_by_its_line(data: bytes, why: str) -> None:
    with pytest.raises(TextRefusedError, match=why):
        prepared(data, bits=7)


def test_eight_bits_carry_every_letter() -> None:
    assert prepared(b"(\xc4)\x1a", bits=8) == b"%\r\n(\xc4)\r\n%\r\n"


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_character_of_wrong_parity_is_noticed_wherever_the_line_cuts(pieces: int) -> None:
    with pytest.raises(TextRefusedError, match="parity"):
        came(b"%\r\nG0\xff\0X\r\n%\r\n", pieces=pieces)


def test_a_parity_bit_that_a_port_of_eight_bits_leaves_is_taken_off() -> None:
    even = bytes(byte | (byte.bit_count() % 2) << 7 for byte in b"%\r\nG1 X5\r\n%\r\n")
    assert came(even, pieces=2).text == b"%\r\nG1 X5\r\n%\r\n"


def test_the_other_side_stops_and_starts_the_line() -> None:
    gate = Gate()
    gate.hear(b"ab\x13c")
    assert not gate.open
    gate.hear(b"\x11")
    assert gate.open
