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
    found = modelfile.read_tokenizer(data)
    assert (found and found.tokens) == count
    assert found is None or found.form is modelfile.TokenizerForm.PRESENT


MANY = tuple(bytes((number % 256,)) * (1 + number // 256) for number in range(300))


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (tokenizer(*MANY), modelfile.TokenizerForm.PRESENT),
        (tokenizer(*MANY)[4:], modelfile.TokenizerForm.WITHOUT_LONGEST),
        (
            b"".join(struct.pack("<i", len(token)) + token for token in MANY),
            modelfile.TokenizerForm.WITHOUT_SCORES,
        ),
    ],
)
def test_the_older_forms_of_a_tokenizer_are_known(
    data: bytes, form: modelfile.TokenizerForm
) -> None:
    assert modelfile.read_tokenizer(data) == modelfile.TokenizerFile(300, form)


@pytest.mark.parametrize("data", [bytes(4096), b"MZ" + bytes(510), b"GO\r\n" * 400])
def test_other_files_are_no_tokenizers(data: bytes) -> None:
    assert modelfile.read_tokenizer(data) is None


@pytest.mark.parametrize(
    ("head", "version"),
    [
        (struct.pack("<Ii7i", 0x616B3432, 1, *SHAPE_260K), 1),
        (struct.pack("<Ii7i", 0x616B3432, 2, *SHAPE_260K), 2),
        (header(*SHAPE_260K), None),
        (b"24k", None),
    ],
)
def test_the_newer_exports_of_llama2c_are_known(head: bytes, version: int | None) -> None:
    assert modelfile.export_version(head) == version


def test_the_sample_model(root: Path) -> None:
    folder = root / "payloads" / "models" / "campfire"
    data = (folder / "campfire260K.bin").read_bytes()
    shape = modelfile.recognise(data[:28], len(data))
    assert shape is not None
    names = modelfile.tokenizer_names("campfire260K.bin", shape.vocabulary)
    assert "campfire.tok.bin" in names
    found = modelfile.read_tokenizer((folder / "campfire.tok.bin").read_bytes())
    assert found == modelfile.TokenizerFile(shape.vocabulary, modelfile.TokenizerForm.PRESENT)
