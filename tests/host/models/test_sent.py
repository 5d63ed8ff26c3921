"""A converted model among the files of a push: recognised, whole, and the fit said before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="needs the extra models")
pytest.importorskip("gguf", reason="needs the extra models")

from deployer.core.model import convert as core
from deployer.core.model import tables
from deployer.core.model.convert import Extras, Quant
from deployer.core.model.gguf import parse
from deployer.core.model.source import source_of
from deployer.core.model.vocabulary import vocabulary_of
from deployer.core.payload import fit as fits
from deployer.core.payload.fit import MODELLED, KnownPc, Shown
from deployer.edge.modelfiles import Volumes
from deployer.errors import ModelDamaged, WrongUse
from deployer.host import staging
from deployer.host.models import conversion
from deployer.host.recognise import recognise
from deployer.host.requests import Request
from tests import gold, needs

STORY = needs.ROOT / "payloads" / "models" / "campfire158" / "campfire158.l98"


@pytest.fixture
def volumes(tmp_path: Path) -> tuple[Path, ...]:
    """A model in several volumes, which are small here."""
    data = gold.model("llama-yarn-rope").read_bytes()
    read = gold.reader(data)
    file = parse(read, len(data), "m.gguf")
    source = source_of(file, read)
    extras = Extras(tables.section(vocabulary_of(file), 437))
    choices = core.survey(source, Quant.AUTO)
    with Volumes(tmp_path) as made:
        core.convert(source, choices, extras, bytes(16), made.write, largest=64 << 10)
        return made.finish(lambda n, count: conversion.volume_path(tmp_path / "M.L98", n, count))


def test_a_container_runs_with_our_engine() -> None:
    staged = staging.stage(Request((STORY,), options=(("steps", "9"), ("prompt", "Ä"))))
    assert staged.payload.recipe == "l98"
    assert staged.payload.run == "LLAMA98.EXE CAMPF158.L98 --utf8 -n 9 -x c384"
    assert [file.name for file in staged.payload.files] == ["LLAMA98.EXE", "CAMPF158.L98"]


def test_all_volumes_go_and_the_first_is_named(volumes: tuple[Path, ...]) -> None:
    assert len(volumes) > 2
    staged = staging.stage(Request(tuple(reversed(volumes))))
    assert staged.payload.run == "LLAMA98.EXE M.L01 --utf8"
    names = {file.name for file in staged.payload.files}
    assert names == {"LLAMA98.EXE", *(path.name for path in volumes)}


def test_a_missing_volume_is_said(volumes: tuple[Path, ...]) -> None:
    with pytest.raises(ModelDamaged, match=r"M\.L02 is not named"):
        staging.stage(Request((volumes[0], *volumes[2:])))
    with pytest.raises(ModelDamaged, match="later volume"):
        staging.stage(Request(volumes[1:]))
    assert staging.stage(Request(volumes[1:], no_run=True)).payload.run == ""


def test_the_recipe_wants_a_converted_model(tmp_path: Path) -> None:
    other = tmp_path / "x.bin"
    other.write_bytes(b"x" * 99)
    with pytest.raises(WrongUse, match="needs a converted model"):
        staging.stage(Request((other,), recipe="l98"))


def test_what_to_expect_is_said_before() -> None:
    seen = recognise(Request((STORY,)))
    assert "campfire158.l98: converted model, 1,171,456 parameters, 401,408 bytes" in seen.lines
    fit = fits.fit(seen.load, KnownPc(memory=128 << 20, said=True), Shown(), seen.profile)
    assert fit.fits
    assert fit.memory is not None
    assert fit.memory < 3 << 20
    assert fit.tokens is not None
    assert fit.tokens_source == "modelled"
    tight = fits.fit(seen.load, KnownPc(memory=24 << 20, said=True), Shown(), seen.profile)
    assert not tight.fits
    assert fits.fit(seen.load, KnownPc(memory=26 << 20), Shown(), seen.profile).fits
    assert seen.load.expect is not None
    large = replace(seen.load.expect(26 << 20, steps=200, pace=MODELLED), streamed=3_000_000)
    some = replace(seen.load, expect=lambda _memory, **_rest: large)
    told = fits.fit(some, KnownPc(memory=26 << 20), Shown(), seen.profile).warnings
    assert any("3.0 MB of it are read from its disk" in words for words in told)
