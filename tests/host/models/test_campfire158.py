"""The ternary story model of the project: its files hold the same numbers and tell one story."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="needs the extra models")
pytest.importorskip("gguf", reason="needs the extra models")

from deployer.core.model import gguf, graph, unpack
from deployer.core.model.tokenize import Tokenizer
from deployer.core.model.vocabulary import vocabulary_of
from deployer.host.models import conversion
from deployer.host.models.conversion import ConversionOptions
from tests import gold, needs

FOLDER = needs.ROOT / "payloads" / "models" / "campfire158"
SUM = "80779bb3e8b4d1c6cf3be1da9c68586abbf0e58c2f0c44cabaa6db7dd191f1d9"


@pytest.fixture(scope="module")
def as_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("campfire158") / "campfire158.gguf"
    tokenizer = FOLDER.parent / "campfire" / "campfire.tok.bin"
    program = [sys.executable, FOLDER / "gguf_of.py", FOLDER / "campfire158.npz", tokenizer, path]
    subprocess.run([str(word) for word in program], check=True, timeout=60)
    return path


def test_the_gguf_file_is_the_one_that_llama_cpp_was_asked_with(as_gguf: Path) -> None:
    assert hashlib.sha256(as_gguf.read_bytes()).hexdigest() == SUM


def test_the_container_in_the_project_is_made_of_it(as_gguf: Path, tmp_path: Path) -> None:
    done = conversion.convert(as_gguf, tmp_path / "campfire158.l98", ConversionOptions())
    assert done.encodings == {"ternary": 42}
    assert done.paths[0].read_bytes() == (FOLDER / "campfire158.l98").read_bytes()


def test_it_tells_the_story_that_llama_cpp_tells(as_gguf: Path) -> None:
    """Every token of the expected text is the likeliest after those before it."""
    data = as_gguf.read_bytes()
    tokenizer = Tokenizer(vocabulary_of(gguf.parse(gold.reader(data), len(data), "c")))
    story = (FOLDER / "expected-greedy.txt").read_bytes().removesuffix(b"\n")
    tokens = tokenizer.encode(story)
    assert tokenizer.decode(tokens, special=False) == b" " + story
    read = conversion.ReadVolumes((FOLDER / "campfire158.l98",))
    picks = graph.logits(unpack.open_container(read, "c.l98"), tokens).argmax(axis=1)
    read.close()
    assert picks[:-1].tolist() == tokens[1:]
