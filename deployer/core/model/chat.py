"""A model's chat template, rendered here and cut into five plain texts for the old PC.

The template is Jinja, a program by whoever made the model: it runs in a sandbox, and `host/models`
runs all of this module in a process of its own with limits of time and memory. `render` gives what
the template makes of a conversation; `cut` finds the texts between what people and model say.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployer.core.model.vocabulary import Vocabulary

MOST = 65536
"""Bytes of one of the five texts, and of a template."""
_SYSTEM, _USER, _ANSWER = "system", "user", "assistant"
_MARKS = ("q8zsysq", "q8zoneq", "q8zansq", "q8ztwoq", "q8zendq", "q8zthrq")


class TemplateUnusableError(ValueError):
    """A template that cannot be used; the text says why, for a sentence."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """What stands around the texts of a conversation.

    `first` stands before the user's first text, `ask` between a user's text and the answer, `next`
    between an answer and the next user's text. With a system message of the user's own,
    `system_before`, it and `system_after` stand instead of `first`.
    """

    first: str
    ask: str
    next: str
    system_before: str = ""
    system_after: str = ""

    def conversation(self, messages: Sequence[Mapping[str, str]]) -> str:
        """What the old PC makes of a conversation that ends with a user's text."""
        own = [one["content"] for one in messages if one["role"] == _SYSTEM][:1]
        begin = f"{self.system_before}{own[0]}{self.system_after}" if own else self.first
        found = [begin]
        for one in messages:
            if one["role"] == _USER:
                found += [one["content"], self.ask]
            elif one["role"] == _ANSWER:
                found += [one["content"], self.next]
        return "".join(found)


def render(
    template: str, messages: Sequence[Mapping[str, str]], bos: str, eos: str, *, ask: bool = True
) -> str:
    """What a template makes of a conversation. Raises TemplateUnusableError."""
    import jinja2  # noqa: PLC0415 - only a conversion needs it
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    def refuse(message: str) -> None:
        raise jinja2.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = refuse
    try:
        found = environment.from_string(template).render(
            messages=[dict(one) for one in messages], add_generation_prompt=ask, bos_token=bos,
            eos_token=eos, tools=None, documents=None, enable_thinking=False,
        )  # fmt: skip
    except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        line = " ".join(str(error).split())[:120]
        raise TemplateUnusableError(f"it does not render ({line})") from error
    except (RecursionError, MemoryError, AttributeError) as error:
        raise TemplateUnusableError("it does not render") from error
    if len(found) > 16 * MOST:
        raise TemplateUnusableError("it makes a text without end")
    return found


def cut(template: str, bos: str = "", eos: str = "") -> Pieces:
    """The texts of a template, tried with conversations of marks. Raises TemplateUnusableError."""
    if len(template) > MOST:
        raise TemplateUnusableError(f"it has {len(template):,} characters")
    system, one, answer, two, end, three = _MARKS

    def rendered(*said: tuple[str, str]) -> str:
        messages = [{"role": role, "content": text} for role, text in said]
        return render(template, messages, bos, eos)

    start = [(_USER, one)]
    talk = [*start, (_ANSWER, answer), (_USER, two)]
    first, ask = _parts(rendered(*start), one)
    begun, _ask, after, last = _parts(rendered(*talk), one, answer, two)
    if begun != first or last != ask:
        raise TemplateUnusableError("what it puts before a text depends on what follows")
    longer = rendered(*talk, (_ANSWER, end), (_USER, three))
    if _parts(longer, one, answer, two, end, three)[4] != after:
        raise TemplateUnusableError("what it puts between two texts is not always the same")
    before = behind = ""
    try:
        before, behind, rest = _parts(rendered((_SYSTEM, system), *start), system, one)
        if rest != ask:
            before = behind = ""
    except TemplateUnusableError:
        pass  # a model without system messages
    found = Pieces(first, ask, after, before, behind)
    if max(len(text.encode()) for text in _texts(found)) > MOST:
        raise TemplateUnusableError("its texts are too long")
    return found


def _parts(text: str, *marks: str) -> list[str]:
    """The text between marks. Raises TemplateUnusableError unless each is there once, in order."""
    parts = []
    for mark in marks:
        if text.count(mark) != 1:
            raise TemplateUnusableError("it leaves texts out, or says them twice")
        before, _mark, text = text.partition(mark)
        parts.append(before)
    return [*parts, text]


def _texts(pieces: Pieces) -> tuple[str, str, str, str, str]:
    return (
        pieces.first, pieces.ask, pieces.next, pieces.system_before, pieces.system_after,
    )  # fmt: skip


def section(pieces: Pieces, vocabulary: Vocabulary) -> bytes:
    """The container's CHAT section."""
    texts = [text.encode() for text in _texts(pieces)]
    stops = vocabulary.stops[:16]
    head = struct.pack(
        "<22I", len(stops), *stops, *[0] * (16 - len(stops)), *(len(text) for text in texts)
    )
    data = head + b"".join(texts)
    return data + bytes(-len(data) % 16)
