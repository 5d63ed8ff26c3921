"""llama2.c's checkpoints of all three versions hold the same model."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="needs the extra models")
pytest.importorskip("gguf", reason="needs the extra models")

import numpy as np

from deployer.core.model import graph, llama2c, unpack
from deployer.core.model.source import source_of
from deployer.core.payload import modelfile
from deployer.edge.modelfiles import ModelFile
from deployer.errors import ModelDamaged, TokenizerMissing
from deployer.host.models import conversion, extra
from deployer.host.models.conversion import ConversionOptions
from tests import gold, needs

FOLDER = needs.ROOT / "payloads" / "models" / "campfire"
TOKENIZER = (FOLDER / "campfire.tok.bin").read_bytes()
OLD = (FOLDER / "campfire260K.bin").read_bytes()
TOKENS = [1, 403, 407, 261, 378]


def blocks() -> dict[str, np.ndarray]:
    """The numbers of the sample model by kind, layers together."""
    shape = modelfile.read_header(OLD)
    assert shape is not None
    dim, hidden, layers = shape.dim, shape.hidden_dim, shape.layers
    kv = shape.head_size * shape.kv_heads
    sizes = {
        "table": shape.vocabulary * dim, "norm1": layers * dim, "q": layers * dim * dim,
        "k": layers * kv * dim, "v": layers * kv * dim, "o": layers * dim * dim,
        "norm2": layers * dim, "w1": layers * hidden * dim, "w2": layers * hidden * dim,
        "w3": layers * hidden * dim, "final": dim,
    }  # fmt: skip
    found, at = {}, 28
    for name, size in sizes.items():
        found[name] = np.frombuffer(OLD, "<f4", size, at)
        at += 4 * size
    return found


def newer(version: int, group: int = 32) -> bytes:
    """The sample model as llama2.c's export.py writes it, version 1 or 2."""
    numbers = struct.unpack_from("<7i", OLD)
    head = struct.pack("<Ii7iB", 0x616B3432, version, *numbers, 1)
    head += struct.pack("<i", group) if version == 2 else b""
    found, layers = blocks(), numbers[2]
    parts = [found["norm1"], found["norm2"], found["final"]]
    data = b"".join(part.tobytes() for part in parts)
    for name in ("table", "q", "k", "v", "o", "w1", "w2", "w3"):
        if version == 1:
            data += found[name].tobytes()
            continue
        for tensor in np.split(found[name], 1 if name == "table" else layers):
            rows = tensor.reshape(-1, group)
            scale = np.abs(rows).max(axis=1) / np.float32(127)
            data += np.rint(rows / scale[:, None]).astype(np.int8).tobytes()
            data += scale.astype("<f4").tobytes()
    return head.ljust(256, b"\0") + data


def logits(data: bytes) -> np.ndarray:
    version = llama2c.version_of(data, len(data))
    assert version is not None
    file, read = llama2c.read_as_gguf(gold.reader(data), len(data), "m.bin", version, TOKENIZER)
    return graph.logits(source_of(file, read), TOKENS)


def rms(away: np.ndarray) -> float:
    return float(np.sqrt((away * away).mean()))


def test_all_versions_compute_the_same() -> None:
    old = logits(OLD)
    assert old.argmax(axis=1).tolist() == logits(newer(1)).argmax(axis=1).tolist()
    assert np.abs(old - logits(newer(1))).max() == 0
    assert rms(old - logits(newer(2))) < 0.3


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_checkpoint_becomes_a_container(version: int, tmp_path: Path) -> None:
    path = tmp_path / "campfire260K.bin"
    path.write_bytes(newer(version) if version else OLD)
    shutil.copy(FOLDER / "campfire.tok.bin", tmp_path)
    assert extra.is_convertible(path) == (version > 0)
    done = conversion.convert(path, tmp_path / "m.l98", ConversionOptions())
    read = conversion.ReadVolumes(done.paths)
    found = graph.logits(unpack.open_container(read, "m.l98"), TOKENS)
    read.close()
    assert rms(found - logits(OLD)) < 0.3


def test_without_its_tokenizer_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "campfire260K.bin"
    path.write_bytes(newer(1))
    with pytest.raises(TokenizerMissing):
        conversion.convert(path, tmp_path / "m.l98", ConversionOptions())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (newer(1)[:-5], "cut off"),
        (newer(2)[:-5], "cut off"),
        (newer(2, group=0x20)[:37] + bytes(4) + newer(2)[41:], "no sense"),
        (struct.pack("<Ii", 0x616B3432, 9) + bytes(300), "no sense"),
    ],
    ids=["cut", "cut int8", "no groups", "version 9"],
)
def test_a_damaged_checkpoint_is_refused(data: bytes, said: str) -> None:
    version = llama2c.version_of(data, len(data))
    assert version is not None
    with pytest.raises(ModelDamaged, match=said):
        llama2c.read_as_gguf(gold.reader(data), len(data), "m.bin", version, TOKENIZER)


def test_a_tokenizer_of_another_model_is_refused() -> None:
    with pytest.raises(ModelDamaged, match="tokens"):
        llama2c.read_as_gguf(gold.reader(OLD), len(OLD), "m.bin", 0, TOKENIZER[:2000])


def test_a_file_is_read_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(range(100)))
    with ModelFile(path) as file:
        assert file.read(10, 5) == bytes(range(10, 15))
        assert file.read(98, 50) == bytes((98, 99))
