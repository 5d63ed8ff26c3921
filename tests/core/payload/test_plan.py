"""Files are cut into parts that a target can take."""

from __future__ import annotations

import itertools
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.payload import plan
from deployer.core.target.names import ShortName
from deployer.errors import (
    DriveTooSmall,
    FileTooLarge,
    NameRefused,
    TooManyFiles,
    TooManyParts,
    WrongUse,
)
from deployer.model import Part, Payload, Profile, StagedFile

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("262144", 256 * KIB),
        ("256K", 256 * KIB),
        ("256KiB", 256 * KIB),
        ("1m", MIB),
        ("64M", 64 * MIB),
        ("4 MB", 4 * MIB),
    ],
)
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert plan.parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "0", "255K", "65M", "1G", "-1M", "1.5M", "many", "1MM", "9" * 40]
)
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(WrongUse) as caught:
        plan.parse_size(text)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("length", "asked", "size"),
    [
        (1, None, 4 * MIB),
        (100 * MIB, None, 4 * MIB),
        (999 * 4 * MIB, None, 4 * MIB),
        (999 * 4 * MIB + 1, None, 4 * MIB + 64 * KIB),
        (10 * MIB, 256 * KIB, 256 * KIB),
    ],
)
def test_part_size(length: int, asked: int | None, size: int) -> None:
    assert plan.choose_part_size(length, asked, "f") == size


def test_a_size_that_makes_too_many_parts_is_refused_with_one_that_does() -> None:
    with pytest.raises(TooManyParts) as caught:
        plan.choose_part_size(GIB, 256 * KIB, "big.bin")
    assert "999" in caught.value.what
    enough = plan.parse_size(str(caught.value.fields["remedy_size"]))
    assert plan.choose_part_size(GIB, enough, "big.bin") == enough


@given(st.integers(0, 1 << 31), st.integers(256 * KIB, 64 * MIB))
def test_parts_cover_the_file_once(length: int, size: int) -> None:
    pieces = plan.cut(length, size)
    offset = 0
    for start, count in pieces:
        assert start == offset
        assert 0 < count <= size
        offset += count
    assert offset == length
    assert all(count == size for _start, count in pieces[:-1])


@given(st.integers(1, (1 << 31) - 1))
def test_the_default_never_makes_more_than_999(length: int) -> None:
    size = plan.choose_part_size(length, None, "f")
    assert len(plan.cut(length, size)) <= 999
    assert 256 * KIB <= size <= 64 * MIB


def test_parts_have_names_and_sums() -> None:
    first, second = plan.parts_of(ShortName("A.BIN", "A"), 10, 6, [7, 8])
    assert (first.name, first.offset, first.length, first.crc32) == ("A.001", 0, 6, 7)
    assert (second.name, second.offset, second.length, second.crc32) == ("A.002", 6, 4, 8)


def test_a_file_over_the_limit_is_refused() -> None:
    plan.refuse_too_large("f", 100, Profile("p", 100))
    with pytest.raises(FileTooLarge):
        plan.refuse_too_large("f", 101, Profile("p", 100))


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("run.exe stories15M.bin -z tokenizer.bin", "RUN.EXE STORIE15.BIN -z TOKENIZE.BIN"),
        ("Run.EXE  x", "RUN.EXE  x"),
        ('"run.exe" -v', "RUN.EXE -v"),
        ("other.exe run.exec", "other.exe run.exec"),
    ],
)
def test_long_names_in_the_command_become_short(command: str, line: str) -> None:
    table = {
        "run.exe": "RUN.EXE",
        "stories15M.bin": "STORIE15.BIN",
        "tokenizer.bin": "TOKENIZE.BIN",
    }
    assert plan.translate_command(command, table) == line


@given(st.integers(1, 1 << 34), st.integers(1, 1 << 31))
def test_pieces_cover_the_file_and_fit(length: int, limit: int) -> None:
    limit = max(limit, length // 50)
    pieces = plan.pieces(length, Profile("p", limit))
    if length <= limit:
        assert pieces == ()
        return
    following = [*pieces[1:], None]
    lengths = [plan.piece_length(p, f) for p, f in zip(pieces, following, strict=True)]
    assert sum(lengths) == length
    assert all(0 < size <= limit for size in lengths)
    assert len(set(lengths[:-1])) == 1
    assert [piece.number for piece in pieces] == list(range(1, len(pieces) + 1))
    assert {piece.count for piece in pieces} == {len(pieces)}


def test_a_drive_holds_so_much() -> None:
    profile = Profile("p", 100, max_drive=1000)
    plan.refuse_too_much(1000, profile)
    with pytest.raises(DriveTooSmall):
        plan.refuse_too_much(1001, profile)


def staged(name: str, place: str = "", parts: int = 0) -> StagedFile:
    cut = tuple(Part(f"A.{n:03d}", n, 1, 0) for n in range(parts))
    return StagedFile("", name, name, parts, "0" * 64, cut, 0, place)


def test_more_records_than_the_helper_reads_are_refused() -> None:
    full = [staged("A", "a", 999)] * 31
    plan.refuse_too_many(Payload((*full, staged("A", "", 995))))
    with pytest.raises(TooManyFiles, match="32,001 records"):
        plan.refuse_too_many(Payload((*full, staged("A", "", 995)), "RUN"))


@given(st.lists(st.integers(0, 512 << 10), max_size=60), st.sampled_from([None, 256 << 10]))
def test_packs_hold_whole_files_in_their_order_and_no_more_than_fits(
    lengths: list[int], asked: int | None
) -> None:
    limit = min(plan.PACK, asked or plan.PACK)
    lengths = [length for length in lengths if plan.small(length, asked)]
    names = plan.pack_up(lengths, asked, {"PACK0"})
    assert len(names) == len(lengths)
    assert list(names) == sorted(names)
    assert not any(name.startswith("PACK0.") for name in names)
    filled: dict[str, int] = {}
    for name, length in zip(names, lengths, strict=True):
        filled[name] = filled.get(name, 0) + length
    assert all(size <= limit for size in filled.values())
    full = list(filled.values())
    assert all(a + b > limit // 2 for a, b in itertools.pairwise(full))


def test_the_packs_after_the_999th_have_another_base() -> None:
    names = plan.pack_up([512 << 10] * 1999, None, ())
    assert (names[0], names[1997], names[1998]) == ("PACK0.001", "PACK0.999", "PACK1.001")


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=9))
def test_the_sum_of_a_pack_is_that_of_its_bytes(contents: list[bytes]) -> None:
    files = [
        replace(staged(f"F{n}"), pack="P.001", length=len(data), crc32=zlib.crc32(data))
        for n, data in enumerate(contents)
    ]
    (pack,) = plan.packs_of(files)
    assert pack == Part("P.001", 0, len(b"".join(contents)), zlib.crc32(b"".join(contents)))


@pytest.mark.parametrize(
    ("file", "word"),
    [
        (staged("A.EXE"), "A.EXE"),
        (staged("A.EXE", "bin/a.exe"), "bin\\a.exe"),
        (staged("A.EXE", "my bin/a.exe"), '"my bin\\a.exe"'),
    ],
)
def test_how_a_command_names_a_file(file: StagedFile, word: str) -> None:
    assert plan.on_target(file) == word


def test_a_path_with_its_directory_has_259_characters_at_most() -> None:
    payload = Payload((staged("A", "x" * 240), staged("B")))
    plan.refuse_deep(payload, "C:\\" + "D" * 15)
    with pytest.raises(NameRefused, match="260 characters"):
        plan.refuse_deep(payload, "C:\\" + "D" * 16)
