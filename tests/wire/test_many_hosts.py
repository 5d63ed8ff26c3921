"""labgrid over several hosts: any computer pushes to and runs on a PC of any host's wire."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import needs
from tests.wire.many_hosts import FIRST_PC, ManyHosts, said

if TYPE_CHECKING:
    from tests.wire.conftest import Lab

pytest.importorskip("labgrid", reason="labgrid is not installed: pip install labgrid")

PCS = {"pc1": FIRST_PC, "pc2": "192.168.1.3"}
PLACES = [f"{host}/{pc}" for host in ("one", "two") for pc in PCS]


@pytest.fixture
def hosts(lab: Lab, tmp_path: Path) -> Iterator[ManyHosts]:
    """Two exporters with two PCs each, of the same addresses, and somebody on neither wire."""
    needs.require("sshd", "ssh", "rsync")
    made = ManyHosts(lab, tmp_path, ("one", "two"), PCS)
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_any_computer_works_with_any_hosts_pcs_and_has_them_to_itself(
    hosts: ManyHosts, tmp_path: Path
) -> None:
    file = tmp_path / "data.bin"
    file.write_bytes(random.Random(1).randbytes(300_000))
    hosts.switch_on(0)
    second = hosts.switch_on(1)

    assert [line["what"] for line in said(hosts.client(file, "acquire", *PLACES))] == ["acquired"]

    # all at once, over both hosts
    told = list(said(hosts.client(file, "all", *PLACES)))
    results = next((line for line in told if line["what"] == "results"), None)
    assert results is not None, (told, hosts.logs())
    names = [place.replace("/", "-") for place in PLACES]
    assert {name: results["results"][name]["outcome"] for name in names} == dict.fromkeys(
        names, "proved"
    )
    seconds = [found["seconds"] for found in results["results"].values()]
    print("slowest over fastest:", max(seconds) / min(seconds))

    # one of them, by its agent
    (one,) = (line for line in said(hosts.client(file, "one", "two/pc1")) if line["what"] == "one")
    assert one == {
        "what": "one", "proved": True, "ran": [["ENDS 3"], [], 3], "back": True,
        "log": "A-00000002", "console": "7",
    }  # fmt: skip

    # on its own host it is refused, as long as the place is acquired
    state = tmp_path / "state-two"
    local = hosts.lab.machine("two").deployer(
        "push", file, "--target", FIRST_PC, "--no-run", "--state-dir", state
    )
    assert local.returncode == 3
    assert f"{FIRST_PC} is in use: the place two-pc1 has it" in local.stderr
    run = hosts.lab.machine("two").deployer("run", "--state-dir", state, FIRST_PC, "ENDS 0")
    assert run.returncode == 3, run.stderr
    assert "the place two-pc1 has it" in run.stderr

    # a host that dies takes its PCs along, by its name; the others go on
    second.kill()
    second.wait()
    client = hosts.client(file, "all", *PLACES)
    ended = set[str]()
    for line in said(client):
        if line["what"] == "ended":
            ended.add(line["name"])
            if ended == {"one-pc1", "one-pc2"}:
                hosts.kill("two")
        if line["what"] == "results":
            results = line["results"]
    assert [results[name]["outcome"] for name in names] == ["proved", "proved", "failed", "failed"]
    for name in ("two-pc1", "two-pc2"):  # gone while the file was brought there, or after it
        reason = results[name]["reason"]
        assert re.match(r"The (daemon at two \(|lab's host two cannot be used)", reason), reason
