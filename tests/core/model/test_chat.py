"""Chat templates: rendered as llama.cpp's users see them, and cut into five texts."""

from __future__ import annotations

import struct

import pytest

pytest.importorskip("jinja2", reason="needs the extra models")

from deployer.core.model import chat, gguf
from deployer.core.model.chat import Pieces, TemplateUnusableError
from deployer.core.model.vocabulary import vocabulary_of
from tests import gold

SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% endif %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% elif m.role == 'system' %}{{ raise_exception('no system') }}{% else %} {{ m.content }}"
    "{{ eos_token }}{% endif %}{% endfor %}"
)


@pytest.mark.parametrize("line", list(gold.lines("chat.jsonl")), ids=lambda line: line["id"])
def test_a_conversation_is_what_the_template_makes_of_it(line: dict[str, object]) -> None:
    messages: list[dict[str, str]] = line["messages"]  # type: ignore[assignment]
    assert chat.render(SMOLLM2, messages, "<|im_start|>", "<|im_end|>") == line["prompt"]
    assert chat.cut(SMOLLM2).conversation(messages) == line["prompt"]


def test_a_template_without_system_messages_has_none() -> None:
    pieces = chat.cut(NO_SYSTEM, "<s>", "</s>")
    assert pieces == Pieces("<s>[INST] ", " [/INST]", "</s>[INST] ")


BAD = {
    "no Jinja": "{% for %}",
    "an unknown filter": "{{ messages | frobnicate }}",
    "nothing of what is said": "hello",
    "said twice": "{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}",
    "out of the sandbox": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "a range of 10^9": "{% for i in range(1000000000) %}x{% endfor %}",
    "a division by zero": "{{ 1 // 0 }}",
    "refused by itself": "{{ raise_exception('no') }}",
    "turns that differ": "{% for m in messages %}{{ loop.index }}{{ m.content }}{% endfor %}",
    "counts the rest": "{% for m in messages %}{{ loop.revindex }}{{ m.content }}{% endfor %}",
    "too long": "x" * 70000,
    "endless in itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
}


@pytest.mark.parametrize("template", BAD.values(), ids=BAD)
def test_a_template_that_cannot_be_used_is_refused(template: str) -> None:
    with pytest.raises(TemplateUnusableError):
        chat.cut(template)


def test_the_section_has_stops_lengths_and_texts() -> None:
    file = gold.path_of("vocab/crossing-vocab.gguf").read_bytes()
    vocabulary = vocabulary_of(gguf.parse(gold.reader(file), len(file), "v.gguf"))
    pieces = Pieces("a", "bc", "def", "ä", "")
    data = chat.section(pieces, vocabulary)
    words = struct.unpack_from("<22I", data)
    assert words[0] == len(vocabulary.stops) > 0
    assert words[1 : 1 + words[0]] == vocabulary.stops
    assert words[17:] == (1, 2, 3, 2, 0)
    assert data[88:].rstrip(b"\0") == "abcdefä".encode()
    assert len(data) % 16 == 0
