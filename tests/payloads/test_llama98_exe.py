"""payloads/bin/LLAMA98.EXE itself, on an emulated Pentium II under Windows 98's KERNEL32."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("unicorn")

from deployer.sim.disk import Disk
from deployer.sim.win32 import ExitStatus, run_program

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "llama2c.json").read_text())
Play = Callable[..., tuple[ExitStatus, bytes]]


@pytest.fixture
def play(root: Path, tmp_path: Path) -> Play:
    """Runs the .EXE beside our model with a command tail: how it ended, what the screen showed."""
    ours = root / "payloads" / "models" / "campfire"
    shutil.copy(ours / "campfire260K.bin", tmp_path / "CAMP.BIN")
    shutil.copy(ours / "campfire.tok.bin", tmp_path / "CAMP.TOK")
    exe = (root / "payloads" / "bin" / "LLAMA98.EXE").read_bytes()

    def call(tail: str | bytes, **more: Any) -> tuple[ExitStatus, bytes]:
        screen = bytearray()
        status = run_program(
            exe, disk=Disk(tmp_path), args=tail, path="C:\\LLAMA98.EXE", console_out=screen.extend,
            **more,
        )  # fmt: skip
        return status, bytes(screen)

    return call


def said(screen: bytes, ending: bytes) -> bytes:
    """The text before the last line, which must end so."""
    text, _, last = screen.rpartition(b"\r\ntokens=")
    assert last.endswith(ending), screen[-200:]
    return text


def test_fp32_greedy_text_of_the_reference_model(
    play: Play, reference_models: Path, tmp_path: Path
) -> None:
    shutil.copy(reference_models / "stories260K.bin", tmp_path / "STORI260.BIN")
    shutil.copy(reference_models / "tok512.bin", tmp_path / "TOK512.BIN")
    tail = "STORI260.BIN -z TOK512.BIN -q 0 -t 0"
    status, screen = play(f"{tail} -n 200")
    assert status.code == 0
    assert said(screen, b"(fp32 x87)\r\n") == (reference_models / "greedy-200.txt").read_bytes()
    _, screen = play(f"{tail} -n 60 -i Zoo")
    assert said(screen, b"(fp32 x87)\r\n") == (reference_models / "greedy-zoo-60.txt").read_bytes()


def test_fp32_draws_what_llama2c_draws(play: Play) -> None:
    case = next(c for c in CASES if c["model"] == "campfire" and c["args"][:2] == ["-p", "7"])
    status, screen = play(f"CAMP.BIN -z CAMP.TOK -q 0 {' '.join(case['args'])}")
    assert status.code == 0
    assert said(screen, b"(fp32 x87)\r\n") == case["text"].encode("latin-1")


def test_a_prompt_of_any_bytes(play: Play) -> None:
    tail = "CAMP.BIN -z CAMP.TOK -q 0 -t 0 -n 30"
    prompt = "Größe ☃ \udcff".encode("utf-8", "surrogateescape")
    _, typed = play(f'{tail} -i "'.encode() + prompt + b'"')
    _, hexed = play(f"{tail} -x {prompt.hex()}")
    text = said(hexed, b"(fp32 x87)\r\n")
    assert text == said(typed, b"(fp32 x87)\r\n") != b""


def test_fp32_of_odd_shapes(play: Play, tmp_path: Path) -> None:
    sys.path.insert(0, str(GOLDEN))
    try:
        from shapes import SHAPES, write_shape  # noqa: PLC0415
    finally:
        sys.path.remove(str(GOLDEN))
    for name in SHAPES:
        model, tokenizer = write_shape(name, tmp_path)
        model.rename(tmp_path / "M.BIN")
        tokenizer.rename(tmp_path / "T.BIN")
        case = next(c for c in CASES if c["model"] == name)
        _, screen = play(f"M.BIN -z T.BIN -q 0 {' '.join(case['args'][:-2])}")
        assert said(screen, b"(fp32 x87)\r\n") == case["text"].encode("latin-1"), name


def test_int8_says_what_the_hosted_build_says(
    play: Play, root: Path, make: Callable[[str, str], Path]
) -> None:
    ours = root / "payloads" / "models" / "campfire"
    tail = ["-s", "7", "-n", "200", "-i", "The old fire"]
    files = [ours / "campfire260K.bin", "-z", ours / "campfire.tok.bin"]
    command = [make("hosted", "LLAMA98"), *files, *tail]
    hosted = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    _, screen = play('CAMP.BIN -z CAMP.TOK -s 7 -n 200 -i "The old fire"')
    text = said(screen, b"(int8 mmx)\r\n")
    assert text == said(hosted, b")\r\n")
    _, plain = play('CAMP.BIN -z CAMP.TOK -s 7 -n 30 -i "The old fire" --cpu c')
    assert text.startswith(said(plain, b"(int8 c)\r\n"))


def test_too_little_memory_is_said_with_the_figure(play: Play) -> None:
    status, screen = play("CAMP.BIN -z CAMP.TOK", ram=512 << 10)
    assert status.code == 5
    assert b"LLAMA98: not enough memory: CAMP.BIN needs" in screen
    assert screen.count(b"\r\n") == 1


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        ("", 1),
        ("CAMP.BIN -n x", 1),
        ("NOWHERE.BIN", 2),
        ("CAMP.TOK", 3),
        ("CAMP.BIN", 4),
        (f"CAMP.BIN -z CAMP.TOK -i {'-' * 600}", 6),
    ],
)
def test_each_failure_has_its_exit_code(play: Play, tail: str, code: int) -> None:
    assert play(tail)[0].code == code


def test_a_processor_without_mmx(play: Play) -> None:
    status, screen = play("CAMP.BIN -z CAMP.TOK -n 3", cpu_model="486")
    assert status.code == 0
    assert screen.endswith(b"(int8 c)\r\n")
    status, screen = play("CAMP.BIN -z CAMP.TOK --cpu mmx", cpu_model="486")
    assert (status.code, screen) == (7, b"LLAMA98: --cpu mmx: this processor has no MMX\r\n")
