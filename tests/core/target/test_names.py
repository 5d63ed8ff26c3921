"""Long names become 8.3 names without clashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.target import names

CASES = [
    ("stories260K.bin", "STORI260.BIN"),
    ("stories15M.bin", "STORIE15.BIN"),
    ("stories110M.bin", "STORI110.BIN"),
    ("tok512.bin", "TOK512.BIN"),
    ("run.exe", "RUN.EXE"),
    ("a b c.txt", "ABC.TXT"),
    ("Über.txt", "UBER.TXT"),
    ("archive.tar.gz", "ARCHIVE_.GZ"),
    (".profile", "_PROFILE"),
    ("name.jpeg", "NAME.JPE"),
    ("ünïcode—dash.txt", "UNICODE-.TXT"),
    ("LLAMA98.EXE", "LLAMA98.EXE"),
    ("ohne", "OHNE"),
    ("日本.bin", "RIBEN.BIN"),
]


@pytest.mark.parametrize(("long_name", "short"), CASES)
def test_a_name_that_people_recognise(long_name: str, short: str) -> None:
    assert names.assign([long_name])[0].name == short


@pytest.mark.parametrize(
    "long_name",
    [
        "con.txt",
        "PRN",
        "aux.c",
        "nul",
        "com1.bin",
        "LPT9.x",
        "go.bat",
        "GO.EXE",
        "ftp.exe",
        "Result.txt",
        "next.ftp",
        "deploy98.exe",
        "choice.com",
        "D7F3A21C.MAN",
        "here.txt",
    ],
)
def test_reserved_names_are_avoided(long_name: str) -> None:
    name = names.assign([long_name])[0].name
    assert name != long_name.upper()
    assert name.split(".")[0] not in names.DEVICE_NAMES
    assert names.is_short(name)


def test_the_first_keeps_its_name_and_the_rest_do_not_depend_on_their_number() -> None:
    alone = names.assign(["readme first.txt", "readme second.txt"])
    more = names.assign(["readme first.txt", "x.txt", "readme second.txt"])
    assert alone[0].name == "README_F.TXT" or alone[0].name.startswith("README")
    assert alone[1] == more[2]


def test_parts_of_files_with_one_base_have_bases_of_their_own() -> None:
    model, text = names.assign(["model.bin", "model.txt"])
    assert (model.name, text.name) == ("MODEL.BIN", "MODEL.TXT")
    assert model.part_base != text.part_base


def test_a_file_that_looks_like_a_part_meets_no_part() -> None:
    disk, whole = names.assign(["disk.001", "disk.bin"])
    assert disk.name == "DISK.001"
    assert "DISK" not in (disk.part_base, whole.part_base)


@pytest.mark.parametrize(
    ("part", "temporary"),
    [("S.001", "S.A01"), ("S.099", "S.A99"), ("S.100", "S.B00"), ("S.999", "S.J99")],
)
def test_the_temporary_of_a_part(part: str, temporary: str) -> None:
    assert names.temporary_name(part) == temporary


@pytest.mark.parametrize("number", [0, 1000, -1])
def test_no_part_beyond_999(number: int) -> None:
    with pytest.raises(ValueError, match="1..999"):
        names.part_name("X", number)


@given(st.lists(st.text(min_size=1, max_size=40), max_size=60))
def test_every_name_on_the_target_is_free_of_clashes(long_names: list[str]) -> None:
    short = names.assign(long_names)
    files = [s.name for s in short]
    parts = [names.part_name(s.part_base, n) for s in short for n in (1, 999)]
    temporaries = [names.temporary_name(p) for p in parts]
    work = [f"{s.part_base}.WRK" for s in short]
    everything = files + parts + temporaries + work + sorted(names.OUR_NAMES)
    assert len(set(everything)) == len(everything)
    assert all(names.is_short(name) for name in everything)
    assert names.assign(long_names) == short
