"""Text becomes the tokens that llama.cpp makes of it, hostile text too."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.model import gguf
from deployer.core.model.tokenize import Tokenizer, decoded
from deployer.core.model.vocabulary import vocabulary_of
from deployer.errors import ModelDamaged, ModelUnsupported
from tests import gold, needs


def read(path: Path, **changed: object) -> gguf.Gguf:
    with path.open("rb") as file:
        data = file.read(8 << 20)
    found = gguf.parse(gold.reader(data), path.stat().st_size, path.name)
    values = {**found.values, **{f"tokenizer.ggml.{key}": value for key, value in changed.items()}}
    return gguf.Gguf(found.path, found.version, found.length, values, found.tensors)  # type: ignore[arg-type]


@cache
def tokenizer(path: Path, pre: str = "") -> Tokenizer:
    return Tokenizer(vocabulary_of(read(path, **({"pre": pre.encode()} if pre else {}))))


@pytest.mark.needs("SmolLM2-135M")
def test_the_tokens_of_a_model_that_people_use() -> None:
    ours = tokenizer(needs.SMOLLM2)
    for line in gold.lines("tokens.jsonl"):
        text = gold.text_of(line)
        found = ours.encode(text, special=line["parse_special"])
        if "refused" not in line:
            assert found == line["tokens"], line["id"]
            detok = line.get("detok", line)
            assert ours.decode(found) == gold.text_of(detok), line["id"]


@pytest.mark.parametrize("rule", ["smollm", "gpt-2", "qwen2", "llama-bpe", "default"])
def test_every_rule_splits_as_llama_cpp_does(rule: str) -> None:
    ours = tokenizer(gold.path_of("vocab/crossing-vocab.gguf"), rule)
    for line in gold.lines("tokens-crossing.jsonl"):
        found = ours.encode(gold.text_of(line), special=line["parse_special"])
        if (wanted := line["tokens"][rule]) is not None:  # None: it ended llama.cpp's process
            assert found == wanted, line["id"]


@pytest.mark.parametrize("name", ["spm", "spm-noprefix"])
def test_sentence_piece_joins_as_llama_cpp_does(name: str) -> None:
    ours = tokenizer(gold.path_of(f"vocab/{name}-vocab.gguf"))
    for line in gold.lines("tokens-spm.jsonl"):
        found = ours.encode(gold.text_of(line), special=line["parse_special"])
        assert found == line[name]["tokens"], line["id"]


@given(st.binary(max_size=40))
def test_any_bytes_become_code_points(data: bytes) -> None:
    assert decoded(data) == data.decode("utf-8") if is_text(data) else len(decoded(data)) > 0


def is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@given(st.text(max_size=60))
def test_a_text_comes_back_from_its_tokens(text: str) -> None:
    """The real bytes of any text, through the vocabulary whose merges cross everything."""
    ours = tokenizer(gold.path_of("vocab/crossing-vocab.gguf"))
    assert ours.decode(ours.encode(text.encode())).decode() == text


BAD = {
    "no model": ({"model": 7}, ModelDamaged),
    "a kind of its own": ({"model": b"rwkv"}, ModelUnsupported),
    "a rule of its own": ({"pre": b"my-own"}, ModelUnsupported),
    "tokens that are numbers": ({"tokens": (1, 2, 3)}, ModelDamaged),
    "two tokens alike": ({"tokens": (b"a", b"a"), "token_type": (1, 1)}, ModelDamaged),
    "a type too few": ({"token_type": (1, 2)}, ModelDamaged),
    "types that are none": ({"token_type": (99,) * 1073}, ModelDamaged),
    "a merge of what is no token": ({"merges": (b"zqx qzx",)}, ModelDamaged),
    "a merge of one": ({"merges": (b"abc",)}, ModelDamaged),
    "a BOS beyond the last token": ({"bos_token_id": 5000}, ModelDamaged),
    "BOS perhaps": ({"add_bos_token": b"yes"}, ModelDamaged),
}


@pytest.mark.parametrize(("changed", "error"), BAD.values(), ids=BAD)
def test_a_bad_tokenizer_is_refused(changed: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        vocabulary_of(read(gold.path_of("vocab/crossing-vocab.gguf"), **changed))


@pytest.mark.parametrize(
    "scores", [(1.0,), (float("nan"),) * 981, (b"x",) * 981], ids=["too few", "NaN", "texts"]
)
def test_bad_scores_are_refused(scores: tuple[object, ...]) -> None:
    with pytest.raises(ModelDamaged):
        vocabulary_of(read(gold.path_of("vocab/spm-vocab.gguf"), scores=scores))
