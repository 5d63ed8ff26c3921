"""GGUF headers: read as they are, and refused with a reason when they are not what they say."""

from __future__ import annotations

import contextlib
import hashlib
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.core.model import gguf
from deployer.errors import DeployerError, ModelDamaged, ModelUnsupported
from tests import gold

pytest.importorskip("gguf", reason="needs the extra models")

from gguf import GGUFReader

from deployer.core.model import weights


def parse(data: bytes) -> gguf.Gguf:
    return gguf.parse(gold.reader(data), len(data), "m.gguf")


def text(value: bytes | str) -> bytes:
    value = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(value)) + value


def number(key: str, value: int) -> bytes:
    return text(key) + struct.pack("<II", 4, value)


def info(name: str, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + dims + struct.pack("<IQ", kind, offset)


def file(
    *,
    keys: tuple[bytes, ...] = (),
    tensors: tuple[bytes, ...] = (),
    data: int = 0,
    version: int = 3,
) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
    head += b"".join((*keys, *tensors))
    return head + bytes(-len(head) % 32) + bytes(data)


@pytest.mark.parametrize("name", sorted(gold.cases()))
def test_every_tensor_is_read_to_the_numbers_that_ggml_reads(name: str) -> None:
    data = gold.model(name).read_bytes()
    read = parse(data)
    wanted = gold.cases()[name]["tensors"]
    assert len(wanted) == len(read.tensors)
    for tensor in wanted:
        found = read.tensors[tensor["name"]]
        assert (found.kind.name, list(found.shape)) == (tensor["type"], tensor["shape"])
        rows = weights.rows_of(read, found, gold.reader(data))
        assert hashlib.sha256(rows.tobytes()).hexdigest() == tensor["sha256_float32"], tensor[
            "name"
        ]


@pytest.mark.parametrize("name", ["llama-yarn-rope", "bitnet-scales", "llama-smolshape-mix-q4-k"])
def test_the_header_says_what_the_gguf_package_reads(name: str) -> None:
    path = gold.model(name)
    ours, theirs = parse(path.read_bytes()), GGUFReader(path)
    for key, field in theirs.fields.items():
        if not key.startswith("GGUF."):
            assert plain(ours.values[key]) == field.contents(), key
    assert [(t.name, t.offset) for t in ours.tensors.values()] == [
        (t.name, int(t.data_offset)) for t in theirs.tensors
    ]


def plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode()
    return [plain(one) for one in value] if isinstance(value, tuple) else value


def test_a_part_of_the_rows_is_the_same_part() -> None:
    data = gold.model("llama-smolshape-mix-q4-k").read_bytes()
    read = parse(data)
    tensor = read.tensors["token_embd.weight"]
    whole = weights.rows_of(read, tensor, gold.reader(data))
    assert (weights.rows_of(read, tensor, gold.reader(data), 17, 5) == whole[17:22]).all()


STRANGERS = {
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS"),
    "web page": (b"\n<!DOCTYPE html><html>", "web page"),
    "safetensors index": (b'{"metadata": {"total_size": 1}}', "safetensors"),
    "safetensors": (struct.pack("<Q", 40) + b'{"a":{"dtype"' + bytes(60), "safetensors file"),
    "zip": (b"PK\3\4" + bytes(60), "ZIP"),
    "ggjt": (b"tjgg" + bytes(60), "before GGUF"),
    "foreign": (b"FUGG" + bytes(60), "foreign order"),
    "zeros": (bytes(64), "not complete"),
    "anything": (b"MZ\x90\0" + bytes(60), "does not begin"),
    "nothing": (b"", "zeros"),
}


@pytest.mark.parametrize(("data", "said"), STRANGERS.values(), ids=STRANGERS)
def test_what_is_no_gguf_file_is_named_for_what_it_is(data: bytes, said: str) -> None:
    with pytest.raises((ModelDamaged, ModelUnsupported), match=said):
        parse(data)


GOOD = file(keys=(number("a", 1),), tensors=(info("w", (32, 2), 0, 0),), data=256)

DAMAGED: dict[str, tuple[bytes, str]] = {
    "cut off in the header": (GOOD[:40], "cut off"),
    "cut off in a tensor": (GOOD[:-1], "ends within w"),
    "2^40 tensors": (b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 0), "tensors"),
    "2^40 entries": (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 40), "entries"),
    "a text of 4 GB": (file(keys=(struct.pack("<Q", 1 << 32),)), "4,294,967,296 bytes"),
    "a text of 2^63": (file(keys=(struct.pack("<Q", 1 << 63),)), "claims"),
    "a list of 2^60": (file(keys=(text("k") + struct.pack("<IIQ", 9, 8, 1 << 60),)), "entries"),
    "a kind that is none": (file(keys=(text("k") + struct.pack("<I", 13),)), "kind 13"),
    "a list of lists": (file(keys=(text("k") + struct.pack("<IIQQ", 9, 9, 1, 0),)), "kind 9"),
    "2 for true": (file(keys=(text("k") + struct.pack("<IB", 7, 2),)), "neither true"),
    "a key twice": (file(keys=(number("a", 1), number("a", 2))), "twice"),
    "a tensor twice": (
        file(tensors=(info("w", (8,), 0, 0), info("w", (8,), 0, 32)), data=64), "twice",
    ),
    "five dimensions": (file(tensors=(info("w", (1,) * 5, 0, 0),)), "dimensions"),
    "no dimension": (file(tensors=(info("w", (), 0, 0),)), "shape"),
    "an empty dimension": (file(tensors=(info("w", (32, 0), 0, 0),)), "shape"),
    "a product over 2^64": (file(tensors=(info("w", (1 << 33, 1 << 33), 0, 0),)), "shape"),
    "half a block": (file(tensors=(info("w", (48,), 2, 0),), data=64), "blocks of 32"),
    "overlapping": (
        file(tensors=(info("v", (32,), 0, 0), info("w", (32,), 0, 32)), data=256), "begins at 32",
    ),
    "an alignment of 3": (file(keys=(number("general.alignment", 3),)), "power of two"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "said"), DAMAGED.values(), ids=DAMAGED)
def test_a_header_that_contradicts_itself_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ModelDamaged, match=said):
        parse(data)


UNSUPPORTED: dict[str, tuple[bytes, str]] = {
    "version 1": (file(version=1), "version 1"),
    "version 4": (file(version=4), "version 4"),
    "big-endian": (file(version=3 << 24), "big-endian"),
    "I2_S": (file(tensors=(info("w", (32,), 36, 0),), data=64), "bitnet.cpp"),
    "type 99": (file(tensors=(info("w", (32,), 99, 0),), data=64), "type 99"),
    "Q2_0 in blocks of 128": (
        file(tensors=(info("v", (2048,), 42, 0), info("w", (8,), 0, 544)), data=600), "fork",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "said"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_what_is_sound_but_not_read_is_named(data: bytes, said: str) -> None:
    with pytest.raises(ModelUnsupported, match=said):
        parse(data)


def test_version_2_and_bytes_after_the_last_tensor_are_read() -> None:
    assert parse(file(version=2)).version == 2
    assert list(parse(GOOD + bytes(1000)).tensors) == ["w"]


def test_not_a_number_is_refused_by_the_name_of_its_tensor() -> None:
    data = bytearray(GOOD)
    data[-4:] = struct.pack("<f", float("nan"))
    read = parse(bytes(data))
    with pytest.raises(ModelDamaged, match="w has numbers that are none"):
        weights.rows_of(read, read.tensors["w"], gold.reader(bytes(data)))


def test_values_are_bounded_when_they_are_asked_for() -> None:
    read = parse(file(keys=(number("a", 7), text("f") + struct.pack("<If", 6, float("nan")))))
    assert read.whole("a", 1, 9) == 7
    assert read.whole("b", 1, 9, 3) == 3
    bad: list[Callable[[], object]] = [
        lambda: read.whole("a", 8, 9), lambda: read.whole("b", 1, 9), lambda: read.real("f", 0, 9),
        lambda: read.text("a"), lambda: read.flag("a", default=True), lambda: read.whole("f", 0, 9),
    ]  # fmt: skip
    for ask in bad:
        with pytest.raises(ModelDamaged):
            ask()


@settings(max_examples=300)
@given(st.data())
def test_a_changed_header_is_read_or_refused(data: st.DataObject) -> None:
    """Bytes changed, cut out or doubled: an answer or two lines, never anything else."""
    changed = bytearray(gold.path_of("vocab/crossing-vocab.gguf").read_bytes()[:6000] + GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1) | st.integers(0, 200))
        value = data.draw(st.binary(min_size=0, max_size=9))
        changed[at : at + data.draw(st.integers(0, 9))] = value
    with contextlib.suppress(DeployerError):
        parse(bytes(changed))
