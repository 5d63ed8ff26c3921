"""LLAMA98 --chat: a line in, words out as they come, and what was said before is known."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("unicorn")

from deployer.sim.disk import Disk
from deployer.sim.win32 import run_program
from tests.payloads import l98

Make = Callable[[str, str], Path]
FIRST, ASK, NEXT = "<|on|>You are kind.<|off|><|on|>", "<|off|><|on|>", "<|off|><|on|>"
SYSTEM = ("<|on|>", "<|off|><|on|>")
STOPS = [257, *range(3, 243, 16)]  # so many that answers end
SHAPE = l98.Shape(48, 64, 2, 4, 2, 12, 300, 400, flags=0)
NOTE = rb"\r\n\(\d+ tokens, \d+\.\d\d tok/s\)\r\n"


def chat_model(
    path: Path,
    *,
    prefix: int = 0,
    spoil: bool = False,
    chat: bool = True,
    stops: Sequence[int] = tuple(STOPS),
    shape: l98.Shape = SHAPE,
) -> Path:
    """A random model whose tokens are bytes, two control tokens and some words."""
    words = [bytes([97 + i % 26, 97 + i // 26]) for i in range(shape.vocab - 258)]
    texts = [*(bytes([b]) for b in range(256)), b"<|on|>", b"<|off|>", *words]
    types = [1] * 256 + [3, 3] + [1] * len(words)
    pairs = [(w[0], w[1], 258 + i) for i, w in enumerate(words)]
    model = l98.random_model(shape, 11)
    model.tokenizer = l98.tokenizer(1, texts, types, pairs=pairs, rule=1)
    if chat:
        model.chat = l98.chat(FIRST, ASK, NEXT, stops, *SYSTEM)
    if prefix:
        tokens = [256, *b"You are kind.", 257][:prefix]
        model.prefix_count = len(tokens)
        model.prefix = l98.prefix(model, model.arrays, tokens)
        if spoil:
            model.prefix = model.prefix[: 4 * prefix] + bytes(len(model.prefix) - 4 * prefix)
    l98.write(model, path)
    return path


@pytest.fixture(params=["hosted", "linux32"])
def program(make: Make, request: pytest.FixtureRequest) -> Path:
    return make(request.param, "LLAMA98")


def talk(
    program: Path, model: Path, *args: str, said: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    command = [program, model, "--utf8", *args]
    return subprocess.run(command, input=said, capture_output=True, timeout=60, check=False)


def answers(done: subprocess.CompletedProcess[bytes]) -> list[bytes]:
    """What was answered, without the invitation and the figures."""
    assert done.returncode == 0, done.stderr
    parts = re.split(NOTE, done.stdout)
    return [part.removeprefix(b"> ") for part in parts[:-1]]


def conversation(
    program: Path, model: Path, *lines: str, args: tuple[str, ...] = ()
) -> list[bytes]:
    said = "".join(f"{line}\n" for line in lines).encode()
    got = answers(talk(program, model, "--chat", *args, said=said))
    opening, _, got[0] = got[0].partition(b"\r\n> ")
    assert b"Ctrl+Z" in opening
    return got


def test_an_answer_is_what_follows_the_conversation_as_one_text(
    program: Path, tmp_path: Path
) -> None:
    model = chat_model(tmp_path / "M.L98")
    (answer,) = answers(talk(program, model, "--chat", "-i", "Who are you?", "-n", "60"))
    text = f"{FIRST}Who are you?{ASK}"
    whole = talk(program, model, "-i", text, "-n", "60", "-t", "0").stdout
    assert len(answer) > 5
    shown = text.replace("<|on|>", "").replace("<|off|>", "").encode()
    told = whole.rpartition(b"\r\ntokens=")[0].removeprefix(shown)
    assert told.startswith(answer) or answer.removesuffix(b"\r\n(the context is full)") == told


def test_a_system_message_of_ones_own_stands_instead(program: Path, tmp_path: Path) -> None:
    model = chat_model(tmp_path / "M.L98")
    args = ("--chat", "-i", "Who?", "-n", "80", "--system")
    own = answers(talk(program, model, *args, "You are kind."))
    other = answers(talk(program, model, *args, "You are rude, very rude."))
    assert own == answers(talk(program, model, *args[:-1]))
    assert own != other


def test_what_was_said_before_is_known(program: Path, tmp_path: Path) -> None:
    model = chat_model(tmp_path / "M.L98")
    one = conversation(program, model, "Abc def?", "And now?")
    other = conversation(program, model, "Xyz!", "And now?")
    assert len(one) == len(other) == 2
    assert one[1] != other[1]
    assert conversation(program, model, "Abc def?")[0] == one[0]


def test_a_conversation_may_be_longer_than_the_context(program: Path, tmp_path: Path) -> None:
    model = chat_model(tmp_path / "M.L98")
    said = b"".join(b"Line number %d of them.\n" % i for i in range(9))
    done = talk(program, model, "--chat", "-n", "140", said=said)
    assert done.returncode == 0
    assert done.stdout.count(b"the oldest turns have left it") > 2
    assert len(re.findall(NOTE, done.stdout)) == 9


def test_a_line_that_never_fits_is_said_and_left_out(program: Path, tmp_path: Path) -> None:
    model = chat_model(tmp_path / "M.L98")
    said = b"Hello\n" + b"1 2 3 " * 60 + b"\nHello\n"
    done = talk(program, model, "--chat", "-n", "120", said=said)
    assert done.returncode == 0
    assert re.search(rb"that is too long: \d+ tokens", done.stdout)
    assert len(re.findall(NOTE, done.stdout)) == 2


def test_esc_stops_an_answer(program: Path, tmp_path: Path) -> None:
    model = chat_model(tmp_path / "M.L98")
    whole = talk(program, model, "--chat", said=b"And?\nAnd?\n")
    assert b"(1 tokens, " not in whole.stdout
    stopped = talk(program, model, "--chat", said=b"And?\n\x1bAnd?\n")
    assert len(re.findall(NOTE, stopped.stdout)) == 2
    assert stopped.stdout.count(b"(1 tokens, ") == 1


def test_a_program_is_told_the_figures_as_records(program: Path, tmp_path: Path) -> None:
    """The answers are the same; an Esc that comes too late is none of the next line."""
    model = chat_model(tmp_path / "M.L98")
    plain = conversation(program, model, "Who?", "And now?")
    done = talk(program, model, "--chat", "--marks", said=b"Who?\nAnd now?\n")
    assert (done.returncode, done.stderr) == (0, b"")
    out = re.sub(rb"\x1eP \d+\n", b"", done.stdout)
    parts = re.split(rb"\x1eA (\d+) (\d+\.\d\d)\n\x1eR\n", out)
    assert [parts[0].removeprefix(b"\x1eR\n"), parts[3], parts[6]] == [*plain, b""]
    late = talk(program, model, "--chat", "--marks", said=b"\x1b\x1bWho?\n").stdout
    assert late.startswith(done.stdout.partition(b"\x1eA")[0] + b"\x1eA ")


def test_the_keys_and_values_that_a_model_brings_are_used(
    program: Path, make: Make, tmp_path: Path
) -> None:
    args = ("--chat", "-i", "Who?", "-n", "60")
    plain = answers(talk(program, chat_model(tmp_path / "A.L98"), *args))
    brought = answers(talk(program, chat_model(tmp_path / "B.L98", prefix=15), *args))
    spoilt = answers(talk(program, chat_model(tmp_path / "C.L98", prefix=15, spoil=True), *args))
    assert brought[0][:8] == plain[0][:8]
    assert spoilt[0][:8] != plain[0][:8]
    rude = (*args, "--system", "You are rude.")
    for name in ("A.L98", "C.L98"):  # of another beginning nothing is used
        assert answers(talk(program, tmp_path / name, *rude)) == answers(
            talk(program, tmp_path / "B.L98", *rude)
        )


def test_a_streamed_model_answers_the_same(program: Path, tmp_path: Path) -> None:
    model = l98.random_model(l98.Shape(256, 512, 6, 4, 2, 64, 300, 200), 3)
    model.tokenizer = l98.small_tokenizer(300)
    model.chat = l98.chat("Q:", "A:", "Q:", [2])
    l98.write(model, tmp_path / "M.L98")
    here = conversation(program, tmp_path / "M.L98", "What?", "And?", args=("-n", "90"))
    memory = ("-n", "90", "--memory", "2")
    assert conversation(program, tmp_path / "M.L98", "What?", "And?", args=memory) == here


def test_characters_are_those_of_the_pcs_code_page(program: Path, tmp_path: Path) -> None:
    """An e with an accent is typed as 82h and shown as 82h, in the code page 437."""
    model = chat_model(tmp_path / "M.L98")
    typed = [program, model, "-n", "9", "-t", "0", "-i", b"caf\x82"]
    done = subprocess.run(typed, capture_output=True, timeout=60, check=True)
    assert done.stdout.startswith(b"caf\x82")
    utf8 = talk(program, model, "-n", "9", "-t", "0", "-i", "caf\u00e9")
    assert utf8.stdout.startswith("caf\u00e9".encode())


# ---- bad input ----


def test_a_model_without_a_chat_says_so(program: Path, tmp_path: Path) -> None:
    done = talk(program, chat_model(tmp_path / "M.L98", chat=False), "--chat")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"is no chat model" in done.stderr


def test_a_checkpoint_of_llama2c_cannot_chat(program: Path, root: Path) -> None:
    ours = root / "payloads" / "models" / "campfire" / "campfire260K.bin"
    done = talk(program, ours, "--chat")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b".L98" in done.stderr


@pytest.mark.parametrize("change", [(0, 0), (0, 17), (1, 300), (17, 70000), (18, 0xFFFFFFFF)])
def test_a_chat_that_is_none_is_refused(
    program: Path, tmp_path: Path, change: tuple[int, int]
) -> None:
    model = l98.random_model(SHAPE, 11)
    section = bytearray(l98.chat(FIRST, ASK, NEXT, [257]))
    section[4 * change[0] : 4 * change[0] + 4] = struct.pack("<I", change[1])
    model.chat = bytes(section)
    l98.write(model, tmp_path / "M.L98")
    done = talk(program, tmp_path / "M.L98", "--chat")
    assert done.returncode == 3
    assert re.fullmatch(rb"LLAMA98: [^\r\n]*its chat is none\r\n", done.stderr)


# ---- the .EXE itself ----


def test_the_exe_answers_as_the_other_builds_do(make: Make, root: Path, tmp_path: Path) -> None:
    model = chat_model(tmp_path / "M.L98")
    other = conversation(make("linux32", "LLAMA98"), model, "Hello", "And?", args=("-n", "90"))
    exe = (root / "payloads" / "bin" / "LLAMA98.EXE").read_bytes()
    lines = iter([b"Hello\r\n", b"And?\r\n", b"\x1a\r\n"])
    screen = bytearray()
    status = run_program(
        exe, disk=Disk(tmp_path), args="M.L98 --utf8 --chat -n 90", path="C:\\LLAMA98.EXE",
        console_out=screen.extend, console_in=lambda: next(lines),
    )  # fmt: skip
    assert status.code == 0
    shown = re.sub(rb"\r\d+ % \r", b"", bytes(screen))
    for answer in other:
        assert answer in shown
    assert np.unique(list(shown)).size > 10


@pytest.mark.parametrize("kind", [l98.INT8, l98.INT4, l98.TERNARY, l98.BIT])
def test_each_kind_of_weights_is_computed_alike_on_the_emulated_pentium_ii(
    make: Make, root: Path, tmp_path: Path, kind: int
) -> None:
    model = l98.random_model(l98.Shape(128, 256, 2, 4, 2, 32, 300), 4, kind)
    l98.write(model, tmp_path / "M.L98")
    args = "-n 16 -t 0 -i hello --utf8"
    command = [make("linux32", "LLAMA98"), tmp_path / "M.L98", *args.split()]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    exe = (root / "payloads" / "bin" / "LLAMA98.EXE").read_bytes()
    screen = bytearray()
    status = run_program(
        exe, disk=Disk(tmp_path), args=f"M.L98 {args}", path="C:\\LLAMA98.EXE",
        console_out=screen.extend,
    )  # fmt: skip
    assert status.code == 0
    assert (
        screen.rpartition(b"\r\n")[0].rpartition(b"seconds")[0]
        == (done.stdout.rpartition(b"\r\n")[0].rpartition(b"seconds")[0])
    )
