"""BOOT98.COM and its typing, against a console that answers as COMMAND.COM and DEBUG do.

That the program works is proven on DOSBox; here: what is typed makes exactly its bytes, and
whatever goes wrong on the way is noticed before DEBUG is told to write.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.core.serial import boot98
from deployer.core.serial.boot98 import Made, Stuck, Typed, Typist
from tests.dosdebug import Dos, type_into

CODE = boot98.program()


@pytest.mark.parametrize(
    ("port", "speed", "divisor"),
    [(1, 115_200, 1), (2, 9600, 12), (3, 38_400, 3), (4, 57_600, 2), (1, 1200, 96)],
)
def test_port_and_speed_are_two_bytes_of_the_program(port: int, speed: int, divisor: int) -> None:
    code = boot98.program(port=port, speed=speed)
    assert (code[2], code[3]) == (port - 1, divisor)
    assert code[:2] + code[4:] == CODE[:2] + CODE[4:]


@pytest.mark.parametrize(
    ("port", "speed"),
    [(0, 9600), (5, 9600), (1, 100_000), (1, 300), (1, 230_400)],
)
def test_what_the_chip_cannot_do_is_refused(port: int, speed: int) -> None:
    with pytest.raises(ValueError, match="COM1 to COM4"):
        boot98.program(port=port, speed=speed)


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_any_program_is_made_byte_by_byte(code: bytes) -> None:
    dos = Dos()
    assert type_into(dos, code)[-1] == Made()
    assert dos.files == {boot98.NAME: code}


def test_the_bytes_are_shown_before_they_are_written() -> None:
    script = boot98.script(CODE)
    assert script[-6:] == (
        f"D 100 L {len(CODE):X}",
        "N BOOT98.COM",
        "R CX",
        f"{len(CODE):X}",
        "W",
        "Q",
    )
    assert script.index("W") > script.index(f"D 100 L {len(CODE):X}")


def test_no_typed_character_is_a_command_to_the_line() -> None:
    lines = boot98.script(bytes(range(256)))
    assert all(set(line) <= set("0123456789ABCDEF DLNRCXWQBOT8M.") for line in lines)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("", {}),
        ("0C3F:0100  EB 02 00                      ...\r\n", {0x100: 0xEB, 0x101: 2, 0x102: 0}),
        (
            "0C3F:0100  00 01 02 03 04 05 06 07-08 09 0A 0B 0C 0D 0E 0F   ........\r\n",
            {0x100 + n: n for n in range(16)},
        ),
        ("0C3F:0108                           AA BB", {}),
        ("0C3F:0106                    AA", {}),
        ("-D 100 L 1\r\n0C3F:0100  41   A\r\n0C3F:0110  42   B\r\n", {0x100: 0x41, 0x110: 0x42}),
        ("C3F:0100  41   A\r\n", {}),
    ],
)
def test_dumps_are_read(text: str, held: dict[int, int]) -> None:
    assert boot98.parse_dump(text) == held


def test_progress_counts_the_lines_down_to_none() -> None:
    left = [event.left for event in type_into(Dos(), CODE) if isinstance(event, Typed)]
    assert left == list(range(len(boot98.script(CODE)) + 1, -1, -1))


@pytest.mark.parametrize("wrong_at", [0x100, 0x180, 0x100 + len(CODE) - 1])
def test_a_byte_that_memory_has_wrong_is_never_written(wrong_at: int) -> None:
    dos = Dos(wrong_at=wrong_at)
    assert type_into(dos, CODE)[-1] == Stuck(
        "the bytes that DEBUG shows are not those that were typed"
    )
    assert dos.files == {}


@pytest.mark.parametrize(
    ("deaf_at", "missing"),
    [(1, "a prompt, got: nothing"), (2, "the echo of 'D'"), (30, "the echo of")],
)
def test_a_silent_line_is_named_with_what_was_waited_for(deaf_at: int, missing: str) -> None:
    last = type_into(Dos(deaf_at=deaf_at), CODE)[-1]
    assert isinstance(last, Stuck)
    assert missing in last.what


def typist_at_the_prompt() -> Typist:
    typist = Typist(CODE, now=0.0)
    typist.data_to_send()
    typist.receive_data(b"\r\nC:\\>")
    return typist


def test_a_character_waits_for_the_echo_of_the_one_before() -> None:
    typist = typist_at_the_prompt()
    typed = b""
    for echo in b"DEL":
        typed += typist.data_to_send()
        assert typist.data_to_send() == b""
        typist.receive_data(bytes((echo,)))
    assert typed == b"DEL"


def test_another_character_is_no_echo() -> None:
    typist = typist_at_the_prompt()
    typist.data_to_send()
    typist.receive_data(b"xyz")
    assert typist.data_to_send() == b""


@pytest.mark.parametrize(
    "seen", [b"a long text, longer than any prompt can be, and it ends so>", b"-x:"]
)
def test_what_only_looks_like_a_prompt_is_none(seen: bytes) -> None:
    typist = Typist(CODE, now=0.0)
    typist.data_to_send()
    typist.receive_data(b"\r\n" + seen)
    assert typist.data_to_send() == b""


@pytest.mark.parametrize(("waits_for", "limit"), [("prompt", 20.0), ("echo", 5.0)])
def test_how_long_is_waited(waits_for: str, limit: float) -> None:
    typist = Typist(CODE, now=0.0) if waits_for == "prompt" else typist_at_the_prompt()
    typist.tick(limit - 0.1)
    assert not typist.done
    typist.tick(limit)
    assert typist.done


def test_after_the_end_nothing_is_typed() -> None:
    typist = typist_at_the_prompt()
    typist.data_to_send()
    typist.tick(5.0)
    typist.receive_data(b"D\r\nC:\\>")
    assert typist.data_to_send() == b""
    assert [type(event) for event in iter(typist.next_event, None)] == [Stuck]


@pytest.mark.parametrize("port", [1, 2])
def test_the_user_types_two_lines_first(port: int) -> None:
    """Facts E7."""
    assert boot98.first_lines(port) == (f"MODE COM{port}:9600,N,8,1", f"CTTY COM{port}")
