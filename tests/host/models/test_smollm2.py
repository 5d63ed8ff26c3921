"""A model that people use, whole: its losses and answers are those of the float32 reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numpy", reason="needs the extra models")
pytest.importorskip("gguf", reason="needs the extra models")

from deployer.core.model import gguf, graph, unpack
from deployer.core.model.source import source_of
from deployer.edge.modelfiles import ModelFile
from deployer.host.models import conversion
from deployer.host.models.conversion import ConversionOptions
from tests import gold, needs

pytestmark = pytest.mark.needs("SmolLM2-135M")


def test_the_float_path_picks_what_the_reference_picks() -> None:
    """The reference's own answer, all of its 64 tokens at once."""
    line = next(gold.lines("chat.jsonl"))
    with ModelFile(needs.SMOLLM2) as model:
        file = gguf.parse(model.read, model.length, "m.gguf")
        tokens = [*line["tokens"], *line["greedy_f32"]]
        picks = graph.logits(source_of(file, model.read), tokens).argmax(axis=1).tolist()
    start = len(line["tokens"]) - 1
    assert picks[start:-1] == line["greedy_f32"]


@pytest.mark.needs("all goldens")
def test_the_container_s_loss_is_that_of_the_reference(tmp_path: Path) -> None:
    """On the text on which a classifier with one scale for each row was 0.011 nats off."""
    texts: list[dict[str, Any]] = json.loads(gold.path_of("loss.json").read_text())["texts"]
    text = texts[0]
    done = conversion.convert(needs.SMOLLM2, tmp_path / "m.l98", ConversionOptions())
    read = conversion.ReadVolumes(done.paths)
    found = unpack.middle_loss(graph.losses(unpack.open_container(read, "m.l98"), text["tokens"]))
    read.close()
    assert abs(found - text["numpy_f32"]["mean"]) < 0.003
