"""Which part stands on which disk: each on one, in order, on no more disks than that takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.media import code, fat12, spread
from deployer.errors import WrongUse
from deployer.model import Part

KINDS = st.sampled_from(sorted(fat12.GEOMETRIES))


def parts(lengths: list[int]) -> list[Part]:
    return [Part(f"A.{n:03d}", 0, length, 0) for n, length in enumerate(lengths, 1)]


@given(st.lists(st.integers(1, 80_000), min_size=1, max_size=60), KINDS, st.integers(0, 300))
def test_each_part_stands_on_one_disk_that_holds_it(
    lengths: list[int], kib: int, first: int
) -> None:
    geometry = fat12.GEOMETRIES[kib]
    given_parts = parts(lengths)
    media = spread.spread("D7F3A21C", given_parts, geometry, first=first, files=3)
    assert [part for medium in media for part in medium.parts] == given_parts
    assert len({medium.label for medium in media}) == len({m.marker for m in media}) == len(media)
    for number, medium in enumerate(media):
        need = 1 + sum(geometry.need(part.length) for part in medium.parts)
        free = geometry.clusters - need - (0 if number else first)
        assert free >= 0
        following = media[number + 1].parts if number + 1 < len(media) else ()
        if following:
            assert geometry.need(following[0].length) > free
    assert free * geometry.cluster >= 2048, "the report comes back on the last"


def test_eight_parts_fill_a_disk() -> None:
    for geometry in fat12.GEOMETRIES.values():
        size = spread.part_size(geometry)
        media = spread.spread("D7F3A21C", parts([size] * 16), geometry, first=0, files=0)
        assert [len(medium.parts) for medium in media[:2]] == [8, 8]
        assert geometry.clusters - 1 - 8 * geometry.need(size) < 8


def test_more_than_99_disks_are_refused() -> None:
    geometry = fat12.GEOMETRIES[720]
    with pytest.raises(WrongUse, match="99 are the most"):
        spread.spread("D7F3A21C", parts([700_000] * 100), geometry, first=0, files=1)
    with pytest.raises(WrongUse, match="does not fit on a disk"):
        spread.spread("D7F3A21C", parts([1]), geometry, first=800, files=9_000)


@given(st.lists(st.from_regex(r"[A-Z0-9_-]{1,8}\.[0-9]{3}", fullmatch=True), unique=True))
def test_names_of_a_cd_are_those_of_level_1_and_differ(names: list[str]) -> None:
    found = spread.level_1_names(names)
    assert len(set(found.values())) == len(names)
    for name, plain in found.items():
        base, _, extension = plain.partition(".")
        assert "-" not in plain
        assert len(base) <= 8
        assert extension == name.partition(".")[2]
        assert plain == name or "-" in name


def test_a_code_is_typed_as_people_type() -> None:
    found = code.of(b"manifest")
    assert found != code.of(b"Manifest")
    for typed in (found, found.lower(), found.replace("-", ""), f" {found.replace('-', ' ')} "):
        assert code.same(typed, found)
    assert not code.same(found[:-1], found)
