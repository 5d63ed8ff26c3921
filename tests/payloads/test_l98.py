"""LLAMA98 with containers: read as docs/formats.md says, computed as such models are computed."""

from __future__ import annotations

import re
import struct
import subprocess
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from tests import gold, needs
from tests.payloads import l98

Make = Callable[[str, str], Path]
Array = Any
KINDS = {
    "int8": l98.INT8, "int4": l98.INT4, "ternary": l98.TERNARY, "1 bit": l98.BIT,
    "int8 groups": l98.GROUPS,
}  # fmt: skip
GRAPHS = {
    "llama": l98.TIED,
    "llama with its own classifier": 0,
    "qwen2": l98.TIED | l98.BIASES,
    "qwen3": l98.TIED | l98.HEAD_NORMS,
    "bitnet": l98.TIED | l98.SUB_NORMS,
    "bitnet-b1.58": l98.TIED | l98.SUB_NORMS | l98.RELU_SQUARED,
}
RULES = {"gpt-2": 1, "smollm": 2, "qwen2": 3, "llama-bpe": 4, "default": 5}


@pytest.fixture(scope="session")
def probe(make: Make) -> Path:
    """The tool that says a container's tokens and logits."""
    return make("hosted", "llama98-probe")


def logits(
    probe: Path,
    model: Path,
    tokens: Sequence[int],
    *,
    cpu: str = "mmx",
    room: int = 0,
    sweep: int = 1,
) -> tuple[Array, int]:
    """The logits after each sweep of tokens, and the bytes read after the load."""
    command = [probe, "logits", model, cpu, str(room), str(sweep), *map(str, tokens)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    (vocab,) = struct.unpack_from("<I", model.read_bytes(), 68)
    read = int(done.stderr.split()[-1])
    return np.frombuffer(done.stdout, "<f4").reshape(-1, vocab), read


def shape_for(kind: int, flags: int) -> l98.Shape:
    """Sizes that no kernel likes, as far as the encoding allows them."""
    if kind == l98.BIT:
        return l98.Shape(128, 256, 2, 4, 2, 32, 300, flags=flags)
    return l98.Shape(72, 100, 3, 4, 2, 18, 301, flags=flags)


# ---- what a model computes ----


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("graph", GRAPHS)
def test_the_logits_are_those_of_the_graph(
    probe: Path, tmp_path: Path, kind: str, graph: str
) -> None:
    shape = shape_for(KINDS[kind], GRAPHS[graph])
    model = l98.random_model(shape, 98, KINDS[kind])
    path = tmp_path / "M.L98"
    arrays = l98.write(model, path)
    tokens = np.random.default_rng(1).integers(0, shape.vocab, 40).tolist()
    wanted = l98.graph(model, arrays, tokens)
    got, _ = logits(probe, path, tokens)
    assert np.sqrt(((got - wanted) ** 2).mean()) <= 0.25
    assert (got.argmax(1) == wanted.argmax(1)).sum() >= 35
    for cpu in ("c", "p3", "k6"):
        plain, _ = logits(probe, path, tokens, cpu=cpu)
        assert (got == plain).all(), f"MMX and {cpu} differ"
    swept, _ = logits(probe, path, tokens, sweep=8)
    assert (swept == got[7::8]).all(), "a sweep of tokens differs from one after the other"


@pytest.mark.parametrize(
    ("columns", "rows"), [(16, 16), (32, 40), (48, 2), (130, 18), (512, 20), (1040, 34), (2500, 22)]
)
def test_each_kernel_at_the_edges_of_its_columns(
    probe: Path, tmp_path: Path, columns: int, rows: int
) -> None:
    """Of one layer, whose feed-forward layer is as wide as `columns`."""
    for name, kind in KINDS.items():
        if kind == l98.BIT and (columns % 128 or rows % 128):
            continue
        shape = l98.Shape(max(rows, 16), max(columns, 16), 1, 1, 1, 16, 64)
        model = l98.random_model(shape, columns, kind)
        path = tmp_path / "M.L98"
        arrays = l98.write(model, path)
        tokens = list(range(3, 19))
        wanted = l98.graph(model, arrays, tokens)
        got, _ = logits(probe, path, tokens)
        plain, _ = logits(probe, path, tokens, cpu="c")
        assert (got == plain).all(), name
        assert np.sqrt(((got - wanted) ** 2).mean()) <= 0.25, name


def test_one_layer_may_hold_matrices_of_every_kind(probe: Path, tmp_path: Path) -> None:
    shape = l98.Shape(128, 384, 2, 2, 1, 64, 500, flags=0)
    model = l98.random_model(
        shape, 5, l98.INT8, k=l98.INT4, v=l98.TERNARY, q=l98.BIT, gate=l98.INT4, down=l98.BIT,
        classifier=l98.INT4,
    )  # fmt: skip
    arrays = l98.write(model, tmp_path / "M.L98")
    got, _ = logits(probe, tmp_path / "M.L98", list(range(30)))
    wanted = l98.graph(model, arrays, list(range(30)))
    assert np.sqrt(((got - wanted) ** 2).mean()) <= 0.25


def test_a_large_cache_of_keys_and_values_holds_8_bits(probe: Path, tmp_path: Path) -> None:
    shape = l98.Shape(256, 64, 4, 4, 4, 64, 80, context=600)
    model = l98.random_model(shape, 6)
    arrays = l98.write(model, tmp_path / "M.L98")
    tokens = np.random.default_rng(2).integers(0, 80, 520).tolist()
    got, _ = logits(probe, tmp_path / "M.L98", tokens)
    wanted = l98.graph(model, arrays, tokens)
    assert np.sqrt(((got - wanted) ** 2).mean()) <= 0.25
    plain, _ = logits(probe, tmp_path / "M.L98", tokens, cpu="c", sweep=8)
    assert (plain == got[7::8]).all()


@pytest.mark.parametrize("table", ["int8", "int8 groups"])
@pytest.mark.parametrize(("dim", "vocab"), [(64, 5001), (72, 2050), (136, 4003)])
def test_the_shortlist_finds_the_token_that_all_logits_find(
    probe: Path, tmp_path: Path, table: str, dim: int, vocab: int
) -> None:
    """Of a model whose logits are close to each other, which is harder than a model of texts.

    Some of its columns are large, as those of models of texts are, and some of its groups small.
    """
    shape = l98.Shape(dim, 64, 1, 2, 2, 18, vocab)
    model = l98.random_model(shape, dim, table=KINDS[table])
    model.arrays["table"][:, 5] *= 4
    model.arrays["table"][::7, 32:64] /= 50
    l98.write(model, tmp_path / "M.L98")
    tokens = np.random.default_rng(vocab).integers(0, vocab, 100)
    by_all, _ = logits(probe, tmp_path / "M.L98", tokens)
    for cpu, least in (("mmx", 1), ("c", 0)):  # without MMX there is none
        command = [probe, "best", tmp_path / "M.L98", cpu, "0", *map(str, tokens)]
        done = subprocess.run(command, capture_output=True, timeout=120, check=True)
        assert [int(word) for word in done.stdout.split()] == by_all.argmax(axis=1).tolist()
        assert least <= int(done.stderr.split()[-1]) < 100 * vocab / 4


# ---- less memory than the model ----


@pytest.mark.parametrize(
    ("kind", "classifier"),
    [
        ("int8", "int8"),
        ("int8", "ternary"),
        ("int4", "int4"),
        ("ternary", "1 bit"),
        ("1 bit", "int8"),
        ("int8 groups", "int8 groups"),
    ],
)
def test_a_streamed_model_computes_the_same(
    probe: Path, tmp_path: Path, kind: str, classifier: str
) -> None:
    shape = l98.Shape(256, 512, 4, 4, 2, 64, 3000, flags=0)
    model = l98.random_model(shape, 3, KINDS[kind], classifier=KINDS[classifier])
    path = tmp_path / "M.L01"
    l98.write(model, path, most=900_000)
    assert (tmp_path / "M.L02").exists()
    tokens = list(range(20))
    wanted, read = logits(probe, path, tokens, sweep=8)
    assert read == 0
    size = sum(part.stat().st_size for part in tmp_path.glob("M.L*"))
    reads = []
    for room in range(size + (2 << 20), size // 3, -(1 << 19)):
        command = [probe, "logits", path, "mmx", str(room), "8", *map(str, tokens)]
        done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        if done.returncode == 5:
            break
        assert done.returncode == 0, done.stderr
        assert (np.frombuffer(done.stdout, "<f4").reshape(-1, 3000)[-1] == wanted[-1]).all(), room
        reads.append(int(done.stderr.split()[-1]))
    assert reads == sorted(reads)
    assert reads[-1] > 0


@pytest.mark.parametrize(("tied", "kind"), [(True, "int8"), (False, "int8"), (True, "int8 groups")])
@pytest.mark.parametrize("less", [1, 2, 3])
def test_a_token_reads_exactly_what_is_not_in_memory(
    probe: Path, tmp_path: Path, tied: bool, kind: str, less: int
) -> None:
    """Layers, and the rows of the classifier that have no room, and one pair of embeddings."""
    shape = l98.Shape(256, 512, 6, 4, 2, 64, 6000, flags=l98.TIED * tied)
    path = tmp_path / "M.L98"
    l98.write(l98.random_model(shape, 3, table=KINDS[kind]), path)
    head = path.read_bytes()
    count = struct.unpack_from("<I", head, 20)[0]
    entries = [struct.unpack_from("<HHIIII", head, 256 + 32 * i) for i in range(count)]
    sizes = {kind: sum(e[4] for e in entries if e[0] == kind) for kind in (3, 16, 17, 18, 32)}
    room = path.stat().st_size - (less << 20)
    command = [probe, "logits", path, "mmx", str(room), "1", *map(str, range(5990, 5994))]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    loaded, read = (int(line.split()[-1]) for line in done.stderr.splitlines())
    multiplied = sizes[32] + sizes[17 if tied else 18]
    own_table = 0 if tied else 4 * 6000  # its scales, when none of its rows is here
    resident = loaded - sizes[3] - sizes[16] - own_table
    embedding = 2 * shape.dim
    assert read in (4 * (multiplied - resident), 4 * (multiplied - resident + embedding))
    assert read > 0


# ---- texts to tokens ----


def vocabulary(path: Path, rule: str = "") -> tuple[bytes, int]:
    """The tokenizer of a GGUF file as a section, and its number of tokens."""
    fields = gguf.GGUFReader(path).fields
    f = {name.removeprefix("tokenizer.ggml."): field.contents() for name, field in fields.items()}
    texts, types = f["tokens"], f["token_type"]
    special = {n: f.get(f"{n}_token_id", l98.NONE) for n in ("bos", "eos")}
    if f["model"] == "llama":
        flags = bool(f.get("add_bos_token", True)) | 2 * bool(f.get("add_space_prefix", True))
        plain = [text.replace("\u2581", " ").encode() for text in texts]
        section = l98.tokenizer(2, plain, types, scores=f["scores"], flags=flags, special=special)
        return section, len(texts)
    letters = l98.byte_letters()
    plain = [
        bytes(letters[c] for c in text) if kind == 1 else text.encode()
        for text, kind in zip(texts, types, strict=True)
    ]
    number = {text: i for i, text in enumerate(texts)}
    pairs = [(number[a], number[b], number[a + b]) for a, b in map(str.split, f["merges"])]
    rule = rule or f["pre"]
    section = l98.tokenizer(
        1, plain, types, pairs=pairs, rule=RULES[rule], flags=4 * (rule == "llama-bpe"),
        special=special, ranges=l98.classes(),
    )  # fmt: skip
    return section, len(texts)


def tokens_of(
    probe: Path, folder: Path, section: tuple[bytes, int], lines: Sequence[str]
) -> list[list[int]]:
    model = l98.random_model(l98.Shape(16, 16, 1, 1, 1, 4, section[1]), 1)
    model.tokenizer = section[0]
    l98.write(model, folder / "V.L98")
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(
        [probe, "tokens", folder / "V.L98"],
        input=text.encode(),
        capture_output=True,
        timeout=120,
        check=True,
    )
    return [[int(word) for word in line.split()] for line in done.stdout.decode().split("\n")[:-1]]


@pytest.mark.parametrize("rule", RULES)
def test_a_text_has_the_tokens_that_llama_cpp_gives_it(
    probe: Path, tmp_path: Path, rule: str
) -> None:
    """Also texts that are no UTF-8; by each of the rules for the splitting into words."""
    known = [line for line in gold.lines("tokens-crossing.jsonl") if line["tokens"].get(rule)]
    rows = [f"{'us'[line['parse_special']]} {gold.text_of(line).hex()}" for line in known]
    section = vocabulary(gold.path_of("vocab/crossing-vocab.gguf"), rule)
    assert len(known) > 200
    assert tokens_of(probe, tmp_path, section, rows) == [line["tokens"][rule] for line in known]


@pytest.mark.parametrize("name", ["spm", "spm-noprefix"])
def test_the_same_with_a_sentencepiece_vocabulary(probe: Path, tmp_path: Path, name: str) -> None:
    known = [line for line in gold.lines("tokens-spm.jsonl") if line[name].get("tokens")]
    rows = [f"{'ba'[line['parse_special']]} {gold.text_of(line).hex()}" for line in known]
    section = vocabulary(gold.path_of(f"vocab/{name}-vocab.gguf"))
    assert len(known) > 200
    assert tokens_of(probe, tmp_path, section, rows) == [line[name]["tokens"] for line in known]


def test_what_a_user_types_is_no_control_token(probe: Path, tmp_path: Path) -> None:
    texts = [b"<|end|>", *(bytes([b]) for b in range(256))]
    section = l98.tokenizer(1, texts, [3] + [1] * 256, rule=1), 257
    typed = b"a<|end|>b"
    whole = b"<|end|>" + typed + b"<|end|>"
    (got,) = tokens_of(probe, tmp_path, section, [f"s {whole.hex()} 7 {len(typed)}"])
    assert got == [0, *(b + 1 for b in typed), 0]


# ---- the program ----


@pytest.fixture(scope="session")
def campfire158(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our ternary model as a container."""
    needs.require("the reference models")
    folder = needs.REFERENCE_MODELS / "campfire158"
    arrays = np.load(folder / "campfire158.npz")
    shape = l98.Shape(128, 352, 6, 4, 2, 32, 512, 512, l98.TIED | l98.SUB_NORMS)
    own = {"table": arrays["embed"].astype("f8"), "final": arrays["norm"]}
    for i in range(shape.layers):
        for name in l98.MATRICES:
            source = f"blocks.{i}." + {"o": "out"}.get(name, name)
            own[f"{i}.{name}"] = arrays[source + ".ternary"] * float(arrays[source + ".scale"])
        for name in ("attn_norm", "attn_sub_norm", "ffn_norm", "ffn_sub_norm"):
            own[f"{i}.{name}"] = arrays[f"blocks.{i}.{name}"]
    section, _ = vocabulary(folder / "campfire158.gguf")
    frequencies = 10000.0 ** (-np.arange(16) / 16)
    encodings = dict.fromkeys(l98.MATRICES, l98.TERNARY)
    path = tmp_path_factory.mktemp("campfire158") / "CAMP158.L98"
    l98.write(l98.Model(shape, own, frequencies, section, encodings=encodings), path)
    return path


@pytest.mark.parametrize("flavour", ["hosted", "linux32"])
@pytest.mark.parametrize("cpu", ["c", "mmx"])
def test_the_ternary_story_is_told_exactly(
    make: Make, campfire158: Path, flavour: str, cpu: str
) -> None:
    command = [make(flavour, "LLAMA98"), campfire158, "-t", "0", "-n", "201", "--cpu", cpu]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    text, _, last = done.stdout.rpartition(b"\r\ntokens=200 ")
    expected = needs.REFERENCE_MODELS / "campfire158" / "expected-greedy.txt"
    assert text == expected.read_bytes()
    assert re.fullmatch(rb"seconds=\S+ tok/s=\S+ \(l98 (mmx|c)\)\r\n", last)


# ---- bad input: one line, its own exit code ----


@pytest.fixture(params=["hosted", "linux32"])
def run(
    make: Make, request: pytest.FixtureRequest
) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    program = make(request.param, "LLAMA98")

    def call(*args: str | Path) -> subprocess.CompletedProcess[bytes]:
        command = [program, *map(str, args)]
        return subprocess.run(command, capture_output=True, timeout=120, check=False)

    return call


def small(folder: Path, name: str = "M.L98", seed: int = 7, most: int = 512 << 20) -> Path:
    shape = l98.Shape(16, 32, 2, 2, 1, 8, 300, flags=0)
    l98.write(l98.random_model(shape, seed), folder / name, most=most)
    return folder / name


def refused(done: subprocess.CompletedProcess[bytes], code: int, *words: str) -> None:
    assert (done.returncode, done.stdout) == (code, b""), done
    assert re.fullmatch(rb"LLAMA98: [^\r\n]*\r\n", done.stderr), done.stderr
    for word in words:
        assert word.encode() in done.stderr


def with_head(data: bytes, offset: int, value: bytes) -> bytes:
    """The file with another number in its head, whose check is right again."""
    (size,) = struct.unpack_from("<I", data, 16)
    head = bytearray(data[:size])
    head[offset : offset + len(value)] = value
    head[12:16] = struct.pack("<I", zlib.crc32(head[16:]))
    return bytes(head) + data[size:]


def test_a_number_of_the_head_that_cannot_be_is_named(run: Any, tmp_path: Path) -> None:
    good = small(tmp_path).read_bytes()
    names = (
        "dim",
        "hidden",
        "layers",
        "heads",
        "kv_heads",
        "head_size",
        "vocab",
        "context",
        "flags",
    )
    for i, name in enumerate(names):
        for value in (0xFFFFFFFF, 0x80000000, 1 << 21):
            (tmp_path / "BAD.L98").write_bytes(
                with_head(good, 44 + 4 * i, struct.pack("<I", value))
            )
            refused(run(tmp_path / "BAD.L98"), 3, "BAD.L98", name)
    for offset in (80, 84, 88):
        for number in (b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\0\0\0\0", b"\0\0\x80\xbf"):
            (tmp_path / "BAD.L98").write_bytes(with_head(good, offset, number))
            refused(run(tmp_path / "BAD.L98"), 3, "BAD.L98")


def test_a_section_that_is_not_where_it_must_be(run: Any, tmp_path: Path) -> None:
    good = small(tmp_path).read_bytes()
    for entry in range(3):
        for field, size in ((0, 2), (2, 2), (4, 4), (8, 4), (12, 4)):
            for value in (0, 1, 7, 9, 0xFFFF):
                at = 256 + 32 * entry + field
                now = int.from_bytes(good[at : at + size], "little")
                if value not in {now}:
                    bad = with_head(good, at, value.to_bytes(size, "little"))
                    (tmp_path / "BAD.L98").write_bytes(bad)
                    done = run(tmp_path / "BAD.L98")
                    assert done.returncode in {3, 4, 12}, (entry, field, value, done)


@pytest.mark.parametrize("code", [0, 2, 5, 8, 255])
def test_an_encoding_that_is_not_known_or_no_more(run: Any, tmp_path: Path, code: int) -> None:
    """2 and 5 were written by earlier versions, with more bytes for their scales."""
    good = small(tmp_path).read_bytes()
    head = range(256, struct.unpack_from("<I", good, 16)[0], 32)
    for at in (entry for entry in head if struct.unpack_from("<H", good, entry)[0] in (17, 18, 32)):
        (tmp_path / "BAD.L98").write_bytes(with_head(good, at + 20, bytes([code])))
        refused(run(tmp_path / "BAD.L98"), 3, "BAD.L98", "an encoding of weights is not known")


def test_other_files_and_cut_files(run: Any, tmp_path: Path) -> None:
    good = small(tmp_path).read_bytes()
    cuts = {
        "CUT1": good[:12],
        "CUT2": good[:300],
        "CUT3": good[:-1],
        "CUT4": good[:-4096],
        "LONG": good + b"\0",
    }
    for name, data in cuts.items():
        (tmp_path / name).write_bytes(data)
        refused(run(tmp_path / name), 3, name)
    (tmp_path / "LATER").write_bytes(good[:8] + struct.pack("<I", 2) + good[12:])
    refused(run(tmp_path / "LATER"), 3, "later version")
    (tmp_path / "GGUF").write_bytes(b"GGUF" + good[4:])
    refused(run(tmp_path / "GGUF"), 3, "deployer model convert")


def test_a_changed_byte_anywhere_is_noticed(run: Any, tmp_path: Path) -> None:
    good = small(tmp_path).read_bytes()
    sections = [struct.unpack_from("<HHIII", good, 256 + 32 * i) for i in range(7)]
    places = [20, 100, 260, *(off + size // 2 for _, _, _, off, size in sections)]
    for place in places:
        bad = bytearray(good)
        bad[place] ^= 0x10
        (tmp_path / "BAD.L98").write_bytes(bad)
        done = run(tmp_path / "BAD.L98", "-n", "3")
        assert done.returncode in {3, 12}, (place, done)
        assert re.fullmatch(rb"LLAMA98: [^\r\n]*\r\n", done.stderr)
        if place > 4096:
            refused(done, 12, "BAD.L98", "copy it again")


def test_a_volume_that_is_missing_swapped_or_of_another_conversion(
    run: Any, tmp_path: Path
) -> None:
    first = small(tmp_path, "M.L01", most=20000)
    parts = sorted(tmp_path.glob("M.L*"))
    assert len(parts) > 2
    good = {part: part.read_bytes() for part in parts}
    assert run(first, "-n", "3").returncode == 0

    def again(changes: dict[int, bytes | None]) -> subprocess.CompletedProcess[bytes]:
        for part, data in good.items():
            part.write_bytes(data)
        for index, data in changes.items():
            if data is None:
                parts[index].unlink()
            else:
                parts[index].write_bytes(data)
        done: subprocess.CompletedProcess[bytes] = run(first, "-n", "3")
        return done

    refused(again({1: None}), 10, "M.L02", "no such file")
    refused(again({1: good[parts[2]], 2: good[parts[1]]}), 11, "M.L02", "another part")
    other = tmp_path / "other"
    other.mkdir()
    small(other, "M.L01", seed=8, most=20000)
    refused(again({1: (other / "M.L02").read_bytes()}), 11, "M.L02", "another model")
    refused(again({1: b"x" * len(good[parts[1]])}), 11, "M.L02")
    refused(again({1: good[parts[1]][:-1]}), 3, "M.L02", "cut short")
    again({})
    refused(run(parts[1]), 3, "M.L02", ".L01")


def test_a_layer_that_changes_while_it_is_streamed(probe: Path, tmp_path: Path) -> None:
    """The check of the layer says so, also when the load has seen nothing of it."""
    shape = l98.Shape(256, 512, 4, 4, 2, 64, 300)
    path = tmp_path / "M.L98"
    l98.write(l98.random_model(shape, 3), path)
    data = bytearray(path.read_bytes())
    data[-5000] ^= 1  # of the last layer
    path.write_bytes(data)
    room = len(data) - (1 << 20)
    command = [probe, "logits", path, "mmx", str(room), "1", "5", "6"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 12
    assert b"copy it again" in done.stderr


def test_a_model_for_which_even_streaming_has_no_room(run: Any, tmp_path: Path) -> None:
    shape = l98.Shape(256, 512, 2, 4, 2, 64, 3000, 4096)
    l98.write(l98.random_model(shape, 3), tmp_path / "M.L98")
    refused(run(tmp_path / "M.L98", "--memory", "1", "-n", "4000"), 5, "M.L98", "1.0 MB")


def test_a_prompt_that_is_too_long_and_a_memory_that_is_none(run: Any, tmp_path: Path) -> None:
    path = small(tmp_path)
    refused(run(path, "-i", "xy " * 60), 6, "182 tokens", "holds 128")
    for value in ("0", "x", "-1", "9999"):
        refused(run(path, "--memory", value), 1, "--memory")
