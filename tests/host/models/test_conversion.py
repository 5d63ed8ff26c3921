"""A model file becomes a container on the disk: whole or not at all, found again by its sum."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="needs the extra models")
pytest.importorskip("gguf", reason="needs the extra models")

from deployer.core.model import chat, graph, unpack
from deployer.core.model.chat import TemplateUnusableError
from deployer.edge import modelfiles
from deployer.errors import (
    DirectoryForbidden,
    FileMissing,
    ModelDamaged,
    ModelUnsupported,
    WrongUse,
)
from deployer.host.models import conversion, inspection, template
from deployer.host.models.conversion import ConversionOptions
from tests import gold, needs

USUAL = ConversionOptions()
MODEL = "llama-smolshape-mix-q4-k"


def changed(path: Path, to: Path, *entries: bytes) -> Path:
    """A copy of a GGUF file with more entries in its header; its tensors stay aligned."""
    data = path.read_bytes()
    (count,) = struct.unpack_from("<Q", data, 16)
    more = b"".join(entries)
    more += pad_entry(-(len(more)) % 32)
    to.write_bytes(data[:16] + struct.pack("<Q", count + len(entries) + 1) + more + data[24:])
    return to


def pad_entry(wanted: int) -> bytes:
    """An entry whose length is `wanted` modulo 32."""
    empty = text_entry("pad", "")
    return text_entry("pad", "x" * ((wanted - len(empty)) % 32))


def text_entry(key: str, value: str) -> bytes:
    name, data = key.encode(), value.encode()
    head = struct.pack("<Q", len(name)) + name + struct.pack("<I", 8)
    return head + struct.pack("<Q", len(data)) + data


def test_a_model_is_converted_and_read_back(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    to = tmp_path / "m.l98"
    done = conversion.convert(gold.model(MODEL), to, USUAL, lambda *now: told.append(now))
    assert done.paths == (to,)
    assert told[-1][0] == told[-1][1] == done.expectation.file
    assert [path.name for path in tmp_path.iterdir()] == ["m.l98"]
    read = conversion.ReadVolumes(done.paths)
    model = unpack.open_container(read, "m.l98")
    unpack.check(model, "m.l98")
    assert len(graph.logits(model, [1, 2, 3])) == 3
    read.close()
    found = inspection.inspect(to)
    assert found is not None
    assert dict(found.kinds) == {"int4": 2, "int8": 27}


def test_the_same_file_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.l98", "b.l98"):
        conversion.convert(gold.model(MODEL), tmp_path / name, USUAL)
    assert (tmp_path / "a.l98").read_bytes() == (tmp_path / "b.l98").read_bytes()


def test_a_chat_template_goes_with_it(tmp_path: Path) -> None:
    words = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}<|im_start|>"
    entry = text_entry("tokenizer.chat_template", words)
    model = changed(gold.model(MODEL), tmp_path / "m.gguf", entry)
    with_chat = conversion.convert(model, tmp_path / "m.l98", USUAL)
    assert with_chat.has_chat
    without = ConversionOptions(chat=False)
    assert not conversion.convert(model, tmp_path / "n.l98", without).has_chat


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("{% for m in messages %}", "does not render"),
        ("{% for i in range(99999) %}{% for j in range(9999) %}{% endfor %}"
         "{% endfor %}", "end|time"),
        ("{% set s = namespace(x='a' * 9999) %}{% for i in range(99) %}{% set s.x = s.x ~ s.x %}"
         "{% endfor %}", "memory|render|end"),
    ],
    ids=["broken", "endless", "takes all memory"],
)  # fmt: skip
def test_a_bad_template_ends_soon_and_leaves_nothing(words: str, said: str, tmp_path: Path) -> None:
    entry = text_entry("tokenizer.chat_template", words)
    model = changed(gold.model(MODEL), tmp_path / "m.gguf", entry)
    before = time.monotonic()
    with pytest.raises(ModelUnsupported, match=said):
        conversion.convert(model, tmp_path / "out" / "m.l98", USUAL)
    assert time.monotonic() - before < 60
    assert list((tmp_path / "out").iterdir()) == []


def test_a_template_is_cut_in_a_process_of_its_own() -> None:
    words = "{% for m in messages %}[{{ m.content }}]{% endfor %}"
    assert template.cut(words, "", "") == chat.cut(words)
    with pytest.raises(TemplateUnusableError, match="twice"):
        template.cut("nothing", "", "")


def test_what_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    data = bytearray(gold.model("llama-yarn-rope").read_bytes())
    data[-4:] = struct.pack("<f", float("nan"))  # in the last tensor
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(data)
    with pytest.raises(ModelDamaged, match="numbers that are none"):
        conversion.convert(bad, tmp_path / "out" / "bad.l98", USUAL)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_was_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    to = tmp_path / "m.l98"
    to.write_bytes(b"before")
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(gold.model(MODEL).read_bytes()[:-9])
    with pytest.raises(ModelDamaged, match="cut off"):
        conversion.convert(bad, to, USUAL)
    assert to.read_bytes() == b"before"


@pytest.mark.parametrize(
    "options", [ConversionOptions(quant="int3"), ConversionOptions(code_page=932)]
)
def test_options_that_are_none_are_refused(options: ConversionOptions, tmp_path: Path) -> None:
    with pytest.raises(WrongUse):
        conversion.convert(gold.model(MODEL), tmp_path / "m.l98", options)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        conversion.convert(tmp_path / "no.gguf", tmp_path / "m.l98", USUAL)


def test_int4_is_chosen_where_int8_has_no_room_and_its_loss_is_measured(tmp_path: Path) -> None:
    """The small models fit everywhere, so the PC is one of 24 MB, which Windows needs itself."""
    tight = ConversionOptions(memory=26 << 20)
    done = conversion.convert(gold.model("llama-yarn-rope"), tmp_path / "m.l98", tight)
    assert done.loss is None
    none = ConversionOptions(memory=25 << 20)
    done = conversion.convert(gold.model("llama-yarn-rope"), tmp_path / "m.l98", none)
    assert done.encodings == {"int4, rounded": 14, "int8": 1}
    assert done.loss is not None


def test_a_second_conversion_of_the_same_file_is_found(tmp_path: Path) -> None:
    model = tmp_path / "My Model v1.2.gguf"
    model.write_bytes(gold.model(MODEL).read_bytes())
    first, there = conversion.kept(model, tmp_path / "state", USUAL)
    assert (there, first[0].name) == (False, "MYMODELV.L98")
    os.utime(model)
    assert conversion.kept(model, tmp_path / "state", USUAL) == (first, True)
    other, there = conversion.kept(model, tmp_path / "state", ConversionOptions(quant="int8"))
    assert not there
    assert other != first


def test_a_kept_volume_that_is_gone_is_made_again(tmp_path: Path) -> None:
    first, _there = conversion.kept(gold.model(MODEL), tmp_path, USUAL)
    first[0].unlink()
    assert conversion.kept(gold.model(MODEL), tmp_path, USUAL) == (first, False)


def test_volumes_are_named_after_the_file(tmp_path: Path) -> None:
    assert conversion.volume_path(tmp_path / "m.l98", 2, 3) == tmp_path / "m.l02"
    assert conversion.volume_path(tmp_path / "M.L98", 12, 13) == tmp_path / "M.L12"
    assert conversion.volume_path(tmp_path / "m.l98", 1, 1) == tmp_path / "m.l98"


def test_a_folder_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(DirectoryForbidden), modelfiles.Volumes(tmp_path / "none") as volumes:
        volumes.write(1, 0, b"x")


def test_any_other_file_is_neither(tmp_path: Path) -> None:
    other = tmp_path / "x.bin"
    other.write_bytes(b"MZ" + bytes(100))
    assert inspection.inspect(other) is None


@pytest.mark.needs("SmolLM2-135M")
def test_a_model_that_people_use_is_converted_in_time(tmp_path: Path) -> None:
    done = conversion.convert(needs.SMOLLM2, tmp_path / "m.l98", USUAL)
    assert done.encodings == {"int4": 210}
    assert (done.has_chat, done.prefix, done.loss) == (True, 22, None)
    assert done.expectation.file < 99_000_000
