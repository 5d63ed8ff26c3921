"""Model files are recognised by header and length."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from deployer.core.payload import modelfile

SHAPE_260K = (64, 172, 5, 8, 4, 512, 512)


def header(*numbers: int) -> bytes:
    return struct.pack("<7i", *numbers)


def tokenizer(*tokens: bytes) -> bytes:
    body = b"".join(struct.pack("<fi", -1.0, len(t)) + t for t in tokens)
    return struct.pack("<i", max(map(len, tokens), default=0)) + body


def test_the_published_model_is_recognised() -> None:
    shape = modelfile.recognise(header(*SHAPE_260K), 1056540)
    assert shape is not None
    assert shape.shared_classifier
    assert shape.parameters == 260032


def test_an_unshared_classifier_has_weights_of_its_own() -> None:
    shared = modelfile.read_header(header(*SHAPE_260K))
    unshared = modelfile.read_header(header(64, 172, 5, 8, 4, -512, 512))
    assert shared is not None
    assert unshared is not None
    assert unshared.vocabulary == 512
    assert unshared.file_length - shared.file_length == 4 * 512 * 64


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"", 0),
        (header(*SHAPE_260K)[:27], 1056540),
        (header(*SHAPE_260K), 1056539),
        (header(0, 172, 5, 8, 4, 512, 512), 1056540),
        (header(64, -1, 5, 8, 4, 512, 512), 1056540),
        (header(64, 172, 5, 7, 4, 512, 512), 1056540),
        (header(64, 172, 5, 8, 3, 512, 512), 1056540),
        (header(2**31 - 1, 172, 5, 1, 1, 512, 512), 1056540),
        (b"MZ" + bytes(26), 1056540),
    ],
)
def test_other_files_are_not(head: bytes, length: int) -> None:
    assert modelfile.recognise(head, length) is None


def test_a_cut_model_is_noticed() -> None:
    assert modelfile.looks_cut(header(*SHAPE_260K), 1056539) is not None
    assert modelfile.looks_cut(header(*SHAPE_260K), 1056540) is None
    assert modelfile.looks_cut(b"MZ" + bytes(26), 9) is None


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (tokenizer(b"a", b"bc", b""), 3),
        (tokenizer(b"a", b"bc")[:-1], None),
        (tokenizer(b"a") + b"x", None),
        (b"", None),
        (bytes(4), None),
        (struct.pack("<ifi", 1, 0.0, -5), None),
    ],
)
def test_tokens_of_a_tokenizer(data: bytes, count: int | None) -> None:
    assert modelfile.tokenizer_size(data) == count


def test_the_sample_model(root: Path) -> None:
    folder = root / "payloads" / "models" / "campfire"
    data = (folder / "campfire260K.bin").read_bytes()
    shape = modelfile.recognise(data[:28], len(data))
    assert shape is not None
    names = modelfile.tokenizer_names("campfire260K.bin", shape.vocabulary)
    assert "campfire.tok.bin" in names
    assert modelfile.tokenizer_size((folder / "campfire.tok.bin").read_bytes()) == shape.vocabulary
