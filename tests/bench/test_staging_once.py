"""One payload for many targets is read once."""

from __future__ import annotations

import time
from pathlib import Path

from deployer.edge.files import is_settled, stamp_of
from deployer.host import staging
from deployer.host.requests import Request
from tests.waiting import until


def test_a_payload_for_two_hundred_targets_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(bytes(3_000_000))
    # What is younger than the grain of its clock is measured each time: it may change unnoticed.
    until(lambda: is_settled(stamp_of(path.stat()), time.time_ns()), "the file is settled")
    read: list[int] = []
    once = staging.Once()
    manifests = [
        staging.stage(
            Request((path,), run=f"DATA.BIN /PC:{number}"), progress=read.append, once=once
        )
        for number in range(200)
    ]
    assert sum(read) == 3_000_000
    assert len({manifest.deployment for manifest in manifests}) == 200
    assert len({manifest.payload.run for manifest in manifests}) == 200
    assert len({id(manifest.payload.files[0]) for manifest in manifests}) == 1


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    once = staging.Once()
    sums = set()
    for content in (b"one", b"other"):
        path.write_bytes(content)
        request = Request((path,), no_run=True)
        sums.add(staging.stage(request, once=once).payload.files[0].sha256)
    assert len(sums) == 2
