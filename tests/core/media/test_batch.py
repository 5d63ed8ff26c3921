"""The batch files of disks and CDs: what they ask for, what they copy, where they end."""

from __future__ import annotations

import pytest

from deployer.core.lint import check
from deployer.core.media import batch, fat12, spread
from deployer.core.media.batch import TRIES, Kind
from deployer.core.media.spread import Medium
from deployer.model import Manifest, Part
from tests.core.target.test_gobat_serial import sample

DIRECTORY = "C:\\GAMES\\DOOM"


def staged(run: str = "") -> tuple[Manifest, list[Medium]]:
    """A payload of three disks."""
    manifest = sample(run)
    parts = [Part(f"BIG.{n:03d}", n, 600_000, n) for n in range(1, 6)]
    geometry = fat12.GEOMETRIES[1440]
    return manifest, list(spread.spread(manifest.deployment, parts, geometry, first=9, files=1))


def lines(data: bytes) -> list[str]:
    assert data.endswith(b"\r\n")
    return data.decode("ascii").splitlines()


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("run", ["", "BIG.EXE /x"])
def test_both_files_pass_lint_and_have_every_label_they_go_to(kind: Kind, run: str) -> None:
    manifest, media = staged(run)
    for data in (
        batch.starter(manifest, DIRECTORY, media, kind),
        batch.worker(manifest, DIRECTORY, media, kind, "ABCD-EFGH"),
    ):
        assert not check.check(data, name="GO.BAT")
        text = lines(data)
        labels = {line[1:] for line in text if line.startswith(":")}
        assert {line.rpartition("GOTO ")[2] for line in text if "GOTO " in line} <= labels


def test_each_disk_is_asked_for_by_its_label_and_not_for_ever() -> None:
    manifest, media = staged()
    text = lines(batch.worker(manifest, DIRECTORY, media, Kind.FLOPPIES, "ABCD-EFGH"))
    assert len(media) == 3
    for medium in media:
        asked = [line for line in text if line.endswith(f"the one with the label {medium.label}.")]
        assert len(asked) == TRIES
        for part in medium.parts:
            assert any(f"COPY /B /Y %1\\{part.name} " in line for line in text)
    assert any("ABCD-EFGH" in line for line in text)


def test_a_cd_is_looked_for_under_every_letter() -> None:
    manifest, media = staged()
    text = lines(batch.starter(manifest, DIRECTORY, media[:1], Kind.CD))
    (search,) = (line for line in text if line.startswith("FOR %%D IN"))
    assert " D E " in search.replace("(", " ")
    assert " Z)" in search


def test_names_of_the_medium_replace_those_of_the_parts() -> None:
    manifest, media = staged()
    names = {part.name: f"X{part.name[-3:]}.BIN" for medium in media for part in medium.parts}
    text = lines(batch.worker(manifest, DIRECTORY, media, Kind.CD, "ABCD-EFGH", on_it=names))
    copied = [line.split("%1\\")[1].split()[0] for line in text if "COPY /B /Y" in line]
    assert copied == list(names.values())
