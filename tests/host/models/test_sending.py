"""The one road of models of others into what is sent: push, stage, TUI and bench take it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="needs the extra models")
pytest.importorskip("gguf", reason="needs the extra models")

from deployer.bench.inventory import parse
from deployer.bench.plan import plan
from deployer.core.payload import fit as fits
from deployer.core.payload.fit import KnownPc, Shown
from deployer.errors import ModelTooBig
from deployer.host import staging
from deployer.host.models import sending
from deployer.host.recognise import recognise
from deployer.host.requests import Request
from tests import gold

MODEL = gold.model("llama-smolshape-mix-q4-k")


def test_a_model_is_converted_once_and_its_volumes_go(tmp_path: Path) -> None:
    beside = tmp_path / "README.TXT"
    beside.write_text("read me\n")
    request = Request((MODEL, beside), options=(("steps", "9"),))
    ready, (sent,) = sending.ready(request, tmp_path / "state", "192.168.1.2")
    assert not sent.there
    assert ready == Request((*sent.volumes, beside), options=(("steps", "9"),))
    staged = staging.stage(ready).payload
    assert staged.recipe == "l98"
    assert {file.name for file in staged.files} == {
        "LLAMA98.EXE", sent.volumes[0].name, "README.TXT"
    }  # fmt: skip
    again, (found,) = sending.ready(request, tmp_path / "state", "192.168.1.2")
    assert found.there
    assert again == ready


@pytest.mark.parametrize(
    "request_", [Request((MODEL,), no_run=True), Request((MODEL,), run="X.EXE")]
)
def test_what_is_delivered_only_stays_as_it_is(request_: Request, tmp_path: Path) -> None:
    assert sending.ready(request_, tmp_path, "sim") == (request_, ())
    assert not list(tmp_path.iterdir())


def test_a_model_that_no_such_pc_runs_is_refused_before_it_is_converted() -> None:
    sending.refuse_too_big(MODEL, None)
    sending.refuse_too_big(MODEL, 64 << 20)
    with pytest.raises(ModelTooBig, match="the old PC has 16 MB of memory"):
        sending.refuse_too_big(MODEL, 16 << 20)


def test_what_it_will_be_is_said_before_it_is_converted(tmp_path: Path) -> None:
    """To the byte, from the header alone."""
    seen = recognise(Request((MODEL,)))
    ready, _sent = sending.ready(Request((MODEL,)), tmp_path, "sim")
    (volume,) = ready.files
    assert f"{MODEL.name}: model, which is converted first, 420,864 parameters" in seen.lines[0]
    assert seen.lines[-1] == "runs there with the recipe l98"
    fit = fits.fit(seen.load, KnownPc(memory=64 << 20, said=True), Shown(), seen.profile)
    assert fit.fits
    assert fit.tokens_source == "modelled"
    later = recognise(ready)
    assert abs(later.load.lengths[-1] - seen.load.lengths[-1]) < 65536
    assert volume.stat().st_size == later.load.lengths[-1]


def test_a_bench_says_what_would_be_sent_of_it(tmp_path: Path) -> None:
    text = f"""
    [payloads.chat]
    files = ["{MODEL}"]
    [targets.pentium]
    address = "192.168.1.2"
    payloads = ["chat"]
    """
    (step,) = plan(parse(text), tmp_path / "state").steps
    assert not step.problem
    assert step.run.startswith("LLAMA98.EXE ")
    assert list((tmp_path / "state" / "models").glob("*/*.L98"))
