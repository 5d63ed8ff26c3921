"""Keys and values that are shipped: the tokens that no text changes, and their numbers."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy", reason="needs the extra models")
pytest.importorskip("gguf", reason="needs the extra models")

import numpy as np

from deployer.core.model import gguf, graph, prefix
from deployer.core.model.source import source_of
from deployer.core.model.tokenize import Tokenizer
from deployer.core.model.vocabulary import vocabulary_of
from tests import gold


def tokenizer() -> Tokenizer:
    data = gold.path_of("vocab/crossing-vocab.gguf").read_bytes()
    return Tokenizer(vocabulary_of(gguf.parse(gold.reader(data), len(data), "v.gguf")))


def test_the_beginning_ends_with_its_last_special_token() -> None:
    ours = tokenizer()
    first = "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n"
    tokens = prefix.tokens_of(ours, first)
    assert ours.decode(tokens).decode() == first.removesuffix("user\n")


@pytest.mark.parametrize("first", ["", "plain words", "<|im_start|>", "x<|im_start|>" * 600])
def test_one_that_is_not_worth_it_is_left_out(first: str) -> None:
    assert prefix.tokens_of(tokenizer(), first) == []


@pytest.mark.parametrize("name", ["llama-yarn-rope", "qwen3-tied"])
def test_the_numbers_are_those_of_the_graph(name: str) -> None:
    data = gold.model(name).read_bytes()
    read = gold.reader(data)
    model = source_of(gguf.parse(read, len(data), name), read)
    shape, tokens = model.shape, [5, 9, 200, 7, 31]
    found = prefix.section(model, tokens)
    assert len(found) % 16 == 0
    assert np.frombuffer(found, "<u4", 5).tolist() == tokens
    wanted: list[np.ndarray] = []
    graph.states(model, tokens, lambda _layer, keys, values: wanted.extend((keys, values)))
    record = 4 + -(-shape.head_size // 4) * 4
    at = 20
    for rows in wanted:
        for row in rows.reshape(-1, shape.head_size):
            scale = np.frombuffer(found, "<f4", 1, at)[0]
            whole = np.frombuffer(found, np.int8, shape.head_size, at + 4)
            assert np.abs(whole * scale - row).max() <= scale * 0.51
            at += record
    assert len(found) - at < 16


def test_without_tokens_there_is_no_section() -> None:
    data = gold.model("llama-yarn-rope").read_bytes()
    read = gold.reader(data)
    model = source_of(gguf.parse(read, len(data), "m"), read)
    assert prefix.section(model, []) == b""
