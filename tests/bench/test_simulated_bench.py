"""A bench of simulated PCs: each is a PC of its own, with a disk and an address of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer import settings
from deployer.bench import Bench, provision
from deployer.bench.inventory import parse
from deployer.core.wire.simulated import loopback
from deployer.errors import WrongUse
from deployer.face.card import typed_lines
from deployer.settings import Settings

TWO = """
[payloads.data]
files = ["{name}.txt"]
no_run = true
[defaults]
payloads = ["data"]
[targets.one]
address = "sim"
[targets.two]
address = "sim"
"""


def test_two_at_the_same_time_get_each_its_own(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("for the first\r\n")
    (tmp_path / "two.txt").write_text("for the second\r\n")
    (tmp_path / "bench.toml").write_text(TWO)
    state = tmp_path / "state"
    ended = provision(Bench.load(tmp_path / "bench.toml"), state_dir=state, typed_lines=typed_lines)
    assert ended.proved, [target.reason for target in ended]
    assert ended.unknown_callers == ()
    there = {
        pc: sorted(path.name for path in (state / "sim-pcs" / pc / "DEPLOY").glob("*.TXT"))
        for pc in ("one", "two")
    }
    assert "ONE.TXT" in there["one"]
    assert "TWO.TXT" not in there["one"]
    assert "TWO.TXT" in there["two"]
    assert "ONE.TXT" not in there["two"]


def test_without_files_a_payload_is_the_sample_model() -> None:
    bench = parse(TWO.replace('files = ["{name}.txt"]\nno_run = true', ""))
    assert {p.request.files[0].suffix for target in bench.targets for p in target.payloads} == {
        ".l98"
    }


def test_a_simulated_pc_has_an_address_by_its_name() -> None:
    assert loopback("sim") == "127.0.0.1"
    found = {loopback(f"sim:pc{number:02d}") for number in range(100)}
    assert len(found) == 100
    assert all(address.startswith("127.") for address in found)
    assert "127.0.0.1" not in found


def test_what_a_simulated_pc_can_be_called() -> None:
    assert settings.resolve_target("sim:pc-1", Settings()) == "sim:pc-1"
    for name in ("sim:", "sim:../x", "sim:a b", "sim:" + "x" * 40):
        with pytest.raises(WrongUse, match="not a name for a simulated PC"):
            settings.resolve_target(name, Settings())


def test_two_names_that_differ_by_their_letters_case_alone_are_one_pc() -> None:
    with pytest.raises(WrongUse, match="sim:one is that of one already"):
        parse(TWO.replace("[targets.two]", "[targets.ONE]"))
