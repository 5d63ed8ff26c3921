"""The graph in float, and the container: its numbers, its layout, its checks."""

from __future__ import annotations

import struct
import zlib
from functools import cache

import pytest

pytest.importorskip("gguf", reason="needs the extra models")

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.core.model import container, convert, gguf, graph, layout, pack, tables, unpack
from deployer.core.model.container import Encoding, SectionKind
from deployer.core.model.convert import Quant
from deployer.core.model.source import Source, source_of
from deployer.core.model.vocabulary import vocabulary_of
from deployer.errors import ModelDamaged, ModelUnsupported
from tests import gold

HERE = sorted(path.stem for path in (gold.HERE / "small").glob("*.gguf"))
MORE = sorted(set(gold.cases()) - set(HERE))


@cache
def source(name: str) -> Source:
    data = gold.model(name).read_bytes()
    read = gold.reader(data)
    return source_of(gguf.parse(read, len(data), name), read)


def written(
    name: str, quant: Quant = Quant.AUTO, largest: int = container.LARGEST_VOLUME
) -> list[bytes]:
    """A container's volumes."""
    model = source(name)
    volumes: dict[int, bytearray] = {}

    def write(volume: int, offset: int, data: bytes) -> None:
        held = volumes.setdefault(volume, bytearray())
        held.extend(bytes(max(0, offset + len(data) - len(held))))
        held[offset : offset + len(data)] = data

    extras = convert.Extras(tables.section(vocabulary_of(model.file), 437), b"chat".ljust(16))
    choices = convert.survey(model, quant)
    lengths = convert.convert(model, choices, extras, bytes(range(16)), write, largest=largest)
    assert lengths == [len(volumes[number]) for number in sorted(volumes)]
    return [bytes(volumes[number]) for number in sorted(volumes)]


def opened(volumes: list[bytes]) -> unpack.Container:
    found = unpack.open_container(
        lambda volume, offset, count: volumes[volume - 1][offset : offset + count], "m.l98"
    )
    unpack.check(found, "m.l98")
    return found


def away(weights: graph.Weights, name: str) -> tuple[float, float, int]:
    """Largest and rms difference to the golden logits, and equal best tokens of 18."""
    case, wanted = gold.cases()[name], np.load(gold.path_of(f"small/{name}.f32.npy"))
    short = graph.logits(weights, case["tokens"])
    found = np.concatenate([short, graph.logits(weights, case["long_tokens"])[[49, 99]]])
    off = found - wanted
    picks = int((found.argmax(axis=1) == wanted.argmax(axis=1)).sum())
    return float(np.abs(off).max()), float(np.sqrt((off * off).mean())), picks


@pytest.mark.parametrize("name", HERE + MORE)
def test_the_graph_is_llama_cpp_s(name: str) -> None:
    largest, _rms, picks = away(source(name), name)
    assert largest < 1e-3
    assert picks == 18


@pytest.mark.parametrize("name", HERE + MORE)
def test_the_container_has_the_model_s_numbers(name: str) -> None:
    """Exact encodings and int8 rows: within the tolerance of the engine, from weights alone."""
    model = opened(written(name))
    _largest, rms, picks = away(model, name)
    assert rms < 0.17
    assert picks >= 15


@pytest.mark.parametrize(
    ("name", "encodings"),
    [
        ("bitnet-f16", {Encoding.TERNARY}),
        ("bitnet-scales", {Encoding.TERNARY}),
        ("bitnet-q-tq1-0", {Encoding.TERNARY}),
        ("llama-q-q1-0", {Encoding.ONE_BIT}),
        ("llama-q-q2-0", {Encoding.INT4}),
        ("llama-q-q4-1", {Encoding.INT4}),
        ("llama-q-q2-k", {Encoding.INT8}),
        ("llama-smolshape-mix-q4-k", {Encoding.INT4, Encoding.INT8}),
        ("qwen3-tied", {Encoding.INT8}),
    ],
)
def test_a_matrix_is_written_as_what_it_is(name: str, encodings: set[Encoding]) -> None:
    """By its values, whatever its type: F16 that is -s, 0 and s is ternary."""
    choices = convert.survey(source(name), Quant.AUTO)
    layers = {choice.encoding for key, choice in choices.items() if key.startswith("blk.")}
    assert layers == encodings


@pytest.mark.parametrize("name", ["llama-q-q4-1", "bitnet-scales", "llama-q-q1-0", "llama-q-q2-0"])
def test_exact_numbers_stay_the_same(name: str) -> None:
    model = source(name)
    read = opened(written(name, Quant.EXACT))
    for matrix in layout.matrices(model.shape):
        if matrix.startswith("blk."):
            ours, theirs = read.matrix(matrix), model.matrix(matrix)
            assert np.abs(ours - theirs).max() <= np.abs(theirs).max() * 2e-4


def test_q8_0_stays_near_in_groups() -> None:
    """A classifier of 512 columns: a step is off by half of a 255th of the row's largest."""
    random = np.random.default_rng(5)
    q = random.integers(-127, 128, (6, 18, 32)).astype(np.float32)
    q[:, :, 0] = 127
    scale = random.uniform(0.001, 0.01, (6, 18, 1)).astype(np.float16).astype(np.float32)
    values = (q * scale).reshape(6, 576)
    packed = pack.int8_groups(values)
    back = unpack.matrix_of(packed.data, layout.eight_bits(576), 6, 576)
    largest = np.abs(values).max(axis=1, keepdims=True)
    assert bool((np.abs(back - values) <= largest / 255 / 2 * 1.001).all())


def test_a_small_group_beside_a_large_one_is_not_lost() -> None:
    """Its step would be 0 to the nearest: the next larger one is taken, by which it is rounded."""
    values = np.full((4, 64), 127.0, np.float32)
    values[:, 32:] = np.linspace(-20, 20, 32) / 100
    back = unpack.matrix_of(pack.int8_groups(values).data, layout.eight_bits(576), 4, 64)
    assert float(np.abs(back - values)[:, 32:].max()) <= 1 / 255 / 2 * 1.001


def test_int4_keeps_small_rows_beside_a_large_one() -> None:
    """Rows that share a scale: a factor is rounded up, and a row's own steps keep 15 bits."""
    random = np.random.default_rng(7)
    q = random.integers(0, 16, (130, 64), np.uint8)
    size = np.where(np.arange(130) % 3, 1.0, 1e-3).astype(np.float32)
    step, middle = (
        random.uniform(0.1, 1, (130, 2)).astype(np.float32) * size[:, None] for _ in "sm"
    )
    each = [np.repeat(one, 32, axis=1) for one in (step, middle)]
    values = each[0] * (q.astype(np.float32) - 8) + 8 * each[1]
    back = unpack.matrix_of(pack.int4(q, step, middle).data, Encoding.INT4, 130, 64)
    assert bool((np.abs(back - values) <= 16 * size[:, None] * 2**-14).all())


def test_exact_is_refused_where_it_cannot_be() -> None:
    with pytest.raises(ModelUnsupported, match=r"attn_k\.weight is Q2_K"):
        convert.survey(source("llama-q-q2-k"), Quant.EXACT)


def test_int4_of_any_numbers_is_near_them() -> None:
    values = np.random.default_rng(1).normal(size=(8, 70)).astype(np.float32)
    q, step, middle = pack.grouped(values)
    packed = pack.int4(q, step, middle)
    back = unpack.matrix_of(packed.data, Encoding.INT4, 8, 70)
    assert float(np.sqrt(((back - values) ** 2).mean())) < 0.1


@settings(max_examples=60)
@given(st.integers(1, 9), st.integers(1, 90), st.integers(0, 99), st.sampled_from(Encoding))
def test_every_encoding_comes_back(rows: int, columns: int, seed: int, encoding: Encoding) -> None:
    random = np.random.default_rng(seed)
    match encoding:
        case Encoding.INT8:
            values = (random.integers(-127, 128, (rows, columns)) * 0.5).astype(np.float32)
            values[:, 0] = 63.5
            packed = pack.int8(values)
        case Encoding.INT8_GROUPS:
            values = (random.integers(-127, 128, (rows, columns)) * 0.5).astype(np.float32)
            values[:, ::32] = 63.5
            values[:, 32:64] /= 5
            packed = pack.int8_groups(values)
        case Encoding.INT4:
            q = random.integers(0, 16, (rows, columns), np.uint8)
            groups = -(-columns // 32)
            step = random.integers(-3, 4, (rows, groups)).astype(np.float32)
            middle = random.integers(-3, 4, (rows, groups)).astype(np.float32)
            step[:, 0] = 3
            each = [np.repeat(one, 32, axis=1)[:, :columns] for one in (step, middle)]
            values = each[0] * (q.astype(np.float32) - 8) + 8 * each[1]
            packed = pack.int4(q, step, middle)
        case Encoding.TERNARY:
            signs = random.integers(-1, 2, (rows, columns), np.int8)
            scale = random.integers(1, 9, rows).astype(np.float32)
            values = signs * scale[:, None]
            packed = pack.ternary(signs, scale)
        case Encoding.ONE_BIT:
            columns = 128 * (1 + columns % 3)
            bits = random.integers(0, 256, (rows, columns // 8), np.uint8)
            scales = random.integers(1, 9, (rows, columns // 128)).astype(np.float32)
            plus = np.unpackbits(bits, axis=1, bitorder="little").astype(np.float32)
            values = (plus * 2 - 1) * np.repeat(scales, 128, axis=1)
            packed = pack.one_bit(bits, scales)
    data = packed.data
    assert len(data) + -len(data) % 16 == layout.size(encoding, rows, columns)
    assert np.allclose(unpack.matrix_of(data, encoding, rows, columns), values, atol=2e-3)


def test_the_same_source_gives_the_same_bytes() -> None:
    assert written("llama-yarn-rope") == written("llama-yarn-rope")


def test_volumes_hold_whole_sections_and_no_more_than_they_may() -> None:
    whole = written("llama-yarn-rope")
    volumes = written("llama-yarn-rope", largest=64 << 10)
    assert len(volumes) > 2
    assert all(len(volume) <= 64 << 10 and len(volume) % 4096 == 0 for volume in volumes)
    parts, one = opened(volumes), opened(whole)
    name = "blk.1.ffn_down.weight"
    assert (parts.matrix(name) == one.matrix(name)).all()
    for number, volume in enumerate(volumes[1:], start=2):
        assert volume[:8] == b"L98PART\x1a"
        assert struct.unpack_from("<III", volume, 12)[1:] == (number, len(volumes))
        assert struct.unpack_from("<I", volume, 12)[0] == zlib.crc32(volume[16:4096])


def test_a_matrix_too_large_for_a_volume_is_refused() -> None:
    with pytest.raises(ModelUnsupported, match="fits no volume"):
        written("llama-yarn-rope", largest=8192)


def test_sum98_is_the_sum_that_the_format_tells() -> None:
    data = np.random.default_rng(2).integers(0, 256, 480, np.uint8).tobytes()
    lanes = [[0, 0], [0, 0]]
    for number, (word,) in enumerate(struct.iter_unpack("<I", data)):
        lane = lanes[number % 2]
        lane[0] = (lane[0] + word) & 0xFFFFFFFF
        lane[1] = (lane[1] + lane[0]) & 0xFFFFFFFF
    (a0, b0), (a1, b1) = lanes
    wanted = zlib.crc32(struct.pack("<4I", a0, a1, b0, b1))
    counted = convert.Sum98(480)
    for at in (160, 0, 400, 320):
        counted.add(at, data[at : at + (160 if at < 320 else 80)])
    assert counted.check == wanted


@pytest.mark.parametrize("kind", [SectionKind.TOKENIZER, SectionKind.TABLE, SectionKind.LAYER])
def test_a_changed_byte_is_found_by_its_section(kind: SectionKind) -> None:
    (volume,) = written("llama-yarn-rope")
    section = next(s for s in opened([volume]).head.sections if s.kind is kind)
    changed = bytearray(volume)
    changed[section.offset + section.size // 2] ^= 4
    with pytest.raises(ModelDamaged, match="is damaged"):
        opened([bytes(changed)])


def test_a_bad_head_is_refused() -> None:
    (volume,) = written("llama-yarn-rope")
    for at, value, said in ((8, 2, "version 2"), (44, 9, "damaged"), (20, 2, "contradicts")):
        changed = bytearray(volume)
        changed[at] = value
        with pytest.raises((ModelDamaged, ModelUnsupported), match=said):
            opened([bytes(changed)])
    for data, said in ((b"L98PART\x1a", "later volume"), (b"GGUF", "does not begin")):
        with pytest.raises(ModelDamaged, match=said):
            container.read(data, "m.l98")


@pytest.mark.parametrize("code", [2, 5, 9])
def test_weights_of_an_encoding_that_is_not_read_are_refused(code: int) -> None:
    """2 and 5 were written by earlier versions."""
    head = bytearray(written("llama-yarn-rope")[0][: container.LONGEST_HEAD])
    (size,) = struct.unpack_from("<I", head, 16)
    entry = next(at for at in range(256, size, 32) if head[at] == container.SectionKind.TABLE)
    head[entry + 20] = code
    head[12:16] = struct.pack("<I", zlib.crc32(head[16:size]))
    with pytest.raises(ModelUnsupported, match=f"encoding {code}, which is not read"):
        container.read(bytes(head), "m.l98")


def test_a_cut_volume_is_said() -> None:
    (volume,) = written("llama-yarn-rope")
    with pytest.raises(ModelDamaged, match="cut off"):
        opened([volume[:-9000]])
