"""LLAMA98, hosted and as Linux i386 program: it says what llama2.c says, and both say the same."""

from __future__ import annotations

import json
import os
import re
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import needs

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "llama2c.json").read_text())
LAST_LINE = re.compile(
    rb"\r\ntokens=(\d+) seconds=\d+\.\d{3} tok/s=\d+\.\d\d "
    rb"\((?:fp32 (?:x87|c)|int8 (?:mmx|c))\)\r\n\Z"
)
Models = dict[str, tuple[Path, Path]]
Run = Callable[..., subprocess.CompletedProcess[bytes]]
Make = Callable[[str, str], Path]


@pytest.fixture(params=["hosted", "linux32"])
def run(make: Make, request: pytest.FixtureRequest) -> Run:
    """Calls the program of one build with arguments; its streams are bytes."""
    program = make(request.param, "LLAMA98")

    def call(*args: str | Path, **more: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [program, *map(str, args)], capture_output=True, timeout=120, check=False, **more
        )

    return call


@pytest.fixture(scope="session")
def models(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Model and tokenizer by name; `stories` only where the reference models are."""
    sys.path.insert(0, str(GOLDEN))
    try:
        from shapes import SHAPES, write_shape  # noqa: PLC0415
    finally:
        sys.path.remove(str(GOLDEN))
    folder = tmp_path_factory.mktemp("models")
    ours = root / "payloads" / "models" / "campfire"
    found = {name: write_shape(name, folder) for name in SHAPES}
    found["campfire"] = (ours / "campfire260K.bin", ours / "campfire.tok.bin")
    reference = needs.REFERENCE_MODELS
    if needs.here("the reference models"):
        found["stories"] = (reference / "stories260K.bin", reference / "tok512.bin")
    return found


def text_of(done: subprocess.CompletedProcess[bytes]) -> bytes:
    """What the model said: everything before the last line and its line end."""
    assert done.returncode == 0, done.stderr
    last = LAST_LINE.search(done.stdout)
    assert last, done.stdout[-200:]
    return done.stdout[: last.start()]


# ---- the same text as llama2.c ----


@pytest.mark.parametrize("model", sorted({case["model"] for case in CASES}))
def test_fp32_draws_what_llama2c_draws(run: Run, models: Models, model: str) -> None:
    if model == "stories":
        needs.require("the reference models")
    path, tokenizer = models[model]
    for case in CASES:
        if case["model"] == model:
            done = run(path, "-z", tokenizer, "-q", "0", *case["args"])
            assert text_of(done) == case["text"].encode("latin-1"), case["args"]


@pytest.mark.parametrize(
    ("golden", "args"),
    [("greedy-200.txt", ["-n", "200"]), ("greedy-zoo-60.txt", ["-n", "60", "-i", "Zoo"])],
)
def test_fp32_greedy_text_of_the_reference_model(
    run: Run, reference_models: Path, golden: str, args: list[str]
) -> None:
    model, tokenizer = reference_models / "stories260K.bin", reference_models / "tok512.bin"
    done = run(model, "-z", tokenizer, "-q", "0", "-t", "0", *args)
    assert text_of(done) == (reference_models / golden).read_bytes()


def test_fp32_greedy_text_of_our_model(run: Run, models: Models, root: Path) -> None:
    model, tokenizer = models["campfire"]
    done = run(model, "-z", tokenizer, "-q", "0", "-t", "0", "-n", "200")
    assert text_of(done) == (model.parent / "expected-greedy.txt").read_bytes()


# ---- int8 ----


@pytest.mark.parametrize(
    "model", ["campfire", "own-classifier", "odd-everything", "wide-heads", "wide-hidden"]
)
def test_mmx_and_plain_c_say_the_same(run: Run, models: Models, model: str) -> None:
    path, tokenizer = models[model]
    for seed in ("1", "2", "3"):
        args = (path, "-z", tokenizer, "-s", seed)
        mmx, plain = run(*args, "--cpu", "mmx"), run(*args, "--cpu", "c")
        assert text_of(mmx) == text_of(plain)
        assert mmx.stdout.endswith(b" (int8 mmx)\r\n")
        assert plain.stdout.endswith(b" (int8 c)\r\n")


def test_the_builds_say_the_same_in_int8(make: Make, models: Models) -> None:
    path, tokenizer = models["campfire"]
    command = [path, "-z", tokenizer, "-s", "4", "-n", "0"]
    texts = {
        text_of(subprocess.run([one, *command], capture_output=True, timeout=60, check=False))
        for one in (make("hosted", "LLAMA98"), make("linux32", "LLAMA98"))
    }
    assert len(texts) == 1


def test_int8_costs_less_than_a_hundredth_of_a_nat(make: Make, reference_models: Path) -> None:
    command = [make("hosted", "llama98-score"), reference_models / "stories260K.bin", "2000"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    scores = dict(line.split() for line in done.stdout.decode().splitlines())
    assert abs(float(scores["int8"]) - float(scores["fp32"])) <= 0.01


def large_model(folder: Path) -> tuple[Path, Path, int]:
    """Model and tokenizer with about 5 million weights, and their number."""
    dim, hidden, layers, vocab, context = 256, 700, 6, 1000, 32
    floats = vocab * dim + layers * (2 * dim + 4 * dim * dim + 3 * dim * hidden) + dim
    floats += context * (dim // 4)
    header = struct.pack("<7i", dim, hidden, layers, 4, 4, vocab, context)
    (folder / "m.bin").write_bytes(header + struct.pack("<f", 0.01) * floats)
    pieces = b"".join(struct.pack("<fi", 0.0, 4) + b"%04d" % n for n in range(vocab))
    (folder / "t.bin").write_bytes(struct.pack("<i", 4) + pieces)
    return folder / "m.bin", folder / "t.bin", floats


def test_int8_needs_a_byte_per_weight_and_fp32_says_what_it_needs(
    make: Make, tmp_path: Path
) -> None:
    model, tokenizer, floats = large_model(tmp_path)
    limit = floats + (2 << 20)  # a byte for each weight, 1 MB of cache and sums, the program

    def call(bits: str) -> subprocess.CompletedProcess[bytes]:
        command = [make("linux32", "LLAMA98"), model, "-z", tokenizer, "-n", "2", "-q", bits]
        return subprocess.run(
            command, capture_output=True, timeout=60, check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )  # fmt: skip

    assert call("8").returncode == 0
    refused = call("0")
    assert (refused.returncode, refused.stdout) == (5, b"")
    figure = re.search(rb"m\.bin needs (\d+\.\d) MB, this machine has \d+\.\d MB", refused.stderr)
    assert figure
    assert 4 * floats < float(figure[1]) * (1 << 20) < 4 * floats + (2 << 20)


# ---- the last line ----


@pytest.mark.parametrize(("steps", "tokens"), [("1", 0), ("2", 1), ("60", 59), ("0", 511)])
def test_the_last_line_counts_tokens(run: Run, models: Models, steps: str, tokens: int) -> None:
    path, tokenizer = models["campfire"]
    done = run(path, "-z", tokenizer, "-t", "0", "-n", steps, "-q", "0")
    last = LAST_LINE.search(done.stdout)
    assert last
    assert int(last[1]) <= tokens
    assert int(last[1]) == tokens or steps == "0"  # a text may end by itself


def test_seed_zero_comes_from_the_clock(run: Run, models: Models) -> None:
    path, tokenizer = models["campfire"]
    args = (path, "-z", tokenizer, "-t", "1.5", "-p", "1", "-n", "40")
    assert len({text_of(run(*args)) for _ in range(3)}) > 1


@pytest.mark.parametrize(
    ("seed", "same"),
    [
        ("4294967297", "1"),
        ("3000000000", "-1294967296"),
        ("+7", "7"),
        ("-2147483648", "2147483648"),
        ("9223372036854775806", "-2"),
        ("9223372036854775807", "-1"),
        ("99999999999999999999999", "-1"),
        ("-9223372036854775807", "1"),
    ],
)
def test_a_long_seed_is_cut_as_llama2c_cuts_it(
    run: Run, models: Models, seed: str, same: str
) -> None:
    path, tokenizer = models["campfire"]
    args = (path, "-z", tokenizer, "-t", "1.5", "-p", "1", "-n", "24", "-q", "0", "-s")
    assert text_of(run(*args, seed)) == text_of(run(*args, same))


@pytest.mark.parametrize("prompt", ["", "Zoo", "Größe 😀", "日本\n\t'\"%\\", "\udcff\udc80x"])
def test_a_prompt_in_hexadecimal_is_the_same_prompt(run: Run, models: Models, prompt: str) -> None:
    path, tokenizer = models["campfire"]
    args = (path, "-z", tokenizer, "-t", "0", "-n", "40", "-q", "0")
    data = os.fsencode(prompt)
    plain = text_of(run(*args, "-i", prompt))
    assert text_of(run(*args, "-x", data.hex())) == plain
    assert text_of(run(*args, "-x", data.hex().upper())) == plain


# ---- wrong use, bad input: one line, its own exit code ----


def damaged(models: Models, folder: Path) -> dict[str, Path]:
    """Files that are not what they should be."""
    model, tokenizer = (path.read_bytes() for path in models["campfire"])

    def header(index: int, value: int) -> bytes:
        return model[: 4 * index] + struct.pack("<i", value) + model[4 * index + 4 :]

    long_piece = struct.pack("<ifi", 9, 0.0, 0x7FFFFFFF)
    files = {
        "empty": b"", "3bytes": b"abc", "half-header": model[:20], "cut": model[:-1],
        "cut-early": model[:5000], "longer": model + b"\0", "text": b"Once upon a time. " * 99,
        "gguf": b"GGUF" + model[4:], "version1": struct.pack("<I", 0x616B3432) + model[4:],
        "nan": model[:4000] + b"\xff\xff\xff\x7f" + model[4004:],
        **{f"h{i}={v}": header(i, v) for i in range(7) for v in (0, -1, 0x7FFFFFFF, -(2**31), 3)},
        "tok-empty": b"", "tok-cut": tokenizer[:-3], "tok-long-piece": long_piece,
        "tok-one-less": tokenizer[: tokenizer.rindex(struct.pack("<f", 0)[:1])],
    }  # fmt: skip
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {name: folder / name for name in files}


def test_damaged_models_are_refused_in_one_line(run: Run, models: Models, tmp_path: Path) -> None:
    for name, path in damaged(models, tmp_path).items():
        if not name.startswith("tok-"):
            done = run(path, "-z", models["campfire"][1])
            assert done.returncode == 3, (name, done)
            assert done.stdout == b""
            assert re.fullmatch(rb"LLAMA98: [^\r\n]*\r\n", done.stderr), name
            assert path.name.encode() in done.stderr


@pytest.mark.parametrize("name", ["tok-empty", "tok-cut", "tok-long-piece", "tok-one-less"])
def test_damaged_tokenizers_are_refused_in_one_line(
    run: Run, models: Models, tmp_path: Path, name: str
) -> None:
    path = damaged(models, tmp_path)[name]
    done = run(models["campfire"][0], "-z", path)
    assert done.returncode == 4
    assert done.stdout == b""
    assert re.fullmatch(rb"LLAMA98: the tokenizer [^\r\n]*\r\n", done.stderr)


def test_a_tokenizer_of_another_vocabulary_is_named(run: Run, models: Models) -> None:
    model, wrong = models["campfire"][0], models["one-head"][1]
    done = run(model, "-z", wrong)
    assert done.returncode == 4
    for word in (wrong.name, "273", model.name, "512", "-z"):
        assert word.encode() in done.stderr


def test_a_prompt_longer_than_the_context(run: Run, models: Models) -> None:
    model, tokenizer = models["one-kv-head"]
    done = run(model, "-z", tokenizer, "-i", "xyz" * 30)
    assert (done.returncode, done.stdout) == (6, b"")
    assert b"92 tokens" in done.stderr
    assert b"holds 33" in done.stderr


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        ([], 1, b"use: LLAMA98 MODEL [options]"),
        (["M", "-t"], 1, b"-t"),
        (["M", "-t", "warm"], 1, b"-t warm"),
        (["M", "-n", "12x"], 1, b"-n 12x"),
        (["M", "-n", "99999999999"], 1, b"-n 99999999999"),
        (["M", "-s", ""], 1, b"-s"),
        (["M", "-s", "12x"], 1, b"-s 12x"),
        (["M", "-s", "-"], 1, b"-s -"),
        (["M", "-q", "4294967304"], 1, b"-q 4294967304"),
        (["M", "-q", "4"], 1, b"-q 4"),
        (["M", "--cpu", "sse"], 1, b"--cpu sse"),
        (["M", "-y", "1"], 1, b"-y 1"),
        (["M", "-x", "4"], 1, b"-x 4"),
        (["M", "-x", "41424"], 1, b"-x 41424"),
        (["M", "-x", "4g"], 1, b"-x 4g"),
        (["M", "-x", "410041"], 1, b"-x 410041"),
        (["M", "stray", "1"], 1, b"stray"),
        (["NOWHERE.BIN"], 2, b"NOWHERE.BIN: there is no such file"),
        ([os.curdir], 2, b"cannot read the model ."),
    ],
)
def test_wrong_use(run: Run, args: list[str], code: int, says: bytes) -> None:
    done = run(*args)
    assert (done.returncode, done.stdout) == (code, b"")
    assert says in done.stderr
    assert done.stderr.endswith(b"\r\n")


def test_a_missing_tokenizer_is_named(run: Run, models: Models, tmp_path: Path) -> None:
    done = run(models["campfire"][0].resolve(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"tokenizer.bin: there is no such file" in done.stderr


# ---- speed ----


@pytest.mark.needs("valgrind")
def test_no_token_costs_two_percent_more_than_it_did(root: Path, cc32: str) -> None:
    """Counted under cachegrind, so the same on every machine with the same compiler.

    When a figure has risen for a good reason: `python -m benchmarks.engine --baseline`.
    """
    command = [sys.executable, "-m", "benchmarks.engine", "--short", "--json"]
    done = subprocess.run(command, cwd=root, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    baseline = json.loads((root / "benchmarks" / "engine" / "baseline.json").read_text())
    now = {f["name"]: f["instructions"] for f in json.loads(done.stdout)["figures"]}
    assert now.keys() == baseline.keys()
    assert {k: v for k, v in now.items() if v > baseline[k] * 1.02} == {}
