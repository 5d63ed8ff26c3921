"""The manifest's text, both ways."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.payload import plan
from deployer.core.target import manifest, names
from deployer.core.target.manifest import encode_place
from deployer.model import FileStamp, Manifest, Overwrite, Part, Payload, StagedFile

SHA = "b0a507e7ad0f626624f17112325e66691f9076d622e1d3274d103d00299f2696"


def staged(long_name: str, length: int, part_size: int = 1 << 20, place: str = "") -> StagedFile:
    short = names.assign([long_name])[0]
    sums = [0x8C3A11F0 + n for n in range(len(plan.cut(length, part_size)))]
    parts = plan.parts_of(short, length, part_size, sums)
    stamp = FileStamp(0, 0, length, 0, 0)
    return StagedFile("", short.name, place or short.name, length, SHA, parts, stamp, place)


def example(run: str = "LLAMA98.EXE STORI260.BIN", place: str = "") -> Manifest:
    files = (staged("stories260K.bin", 1056540, place=place), staged("EMPTY.TXT", 0))
    return Manifest("D7F3A21C", "192.168.1.1", "D7F3A21C", "abc123xyz", Payload(files, run))


def sealed(lines: list[str]) -> bytes:
    body = "".join(line + "\r\n" for line in lines).encode("latin-1")
    return body + f"END {len(lines)} {zlib.crc32(body):08X}\r\n".encode()


def test_the_text() -> None:
    text = manifest.render(example()).decode("ascii")
    assert text.splitlines()[:-1] == [
        "DEPLOY98 2 D7F3A21C",
        "HOST 192.168.1.1 D7F3A21C abc123xyz",
        "RULES keep leave",
        "PART STORI260.001 1048576 8C3A11F0",
        "PART STORI260.002 7964 8C3A11F1",
        f"FILE STORI260.BIN 1056540 {SHA} 00000000 0 2 STORI260.001 STORI260.BIN",
        f"FILE EMPTY.TXT 0 {SHA} 00000000 0 0 - EMPTY.TXT",
        "RUN LLAMA98.EXE STORI260.BIN",
    ]
    assert text.splitlines()[-1].startswith("END 8 ")
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")


@pytest.mark.parametrize("place", ["", "sub/Long name.txt", "Größe/a b.bin"])
@pytest.mark.parametrize("run", ["", 'RUN.EXE -i "Once upon a time"'])
def test_there_and_back(run: str, place: str) -> None:
    value = example(run, place)
    assert manifest.parse(manifest.render(value)) == value


def packed() -> Manifest:
    """Small files in two packs, one of them empty, a large one, empty directories, rules."""
    small = [
        replace(staged(name, 0, place=name), length=length, pack=pack, date=0x2EE32A84,
                stamp=FileStamp(0, 0, length, 0, 0), attributes=n % 8)
        for n, (name, length, pack) in enumerate(
            [("a/one", 7, "PACK0.001"), ("a/two", 5, "PACK0.001"), ("a/none", 0, "PACK0.001"),
             ("b c", 9, "PACK0.002")]
        )
    ]  # fmt: skip
    packs = (Part("PACK0.001", 0, 12, 1), Part("PACK0.002", 0, 9, 2))
    payload = Payload(
        (*small, staged("big.bin", 3 << 20)), packs=packs, directories=("Empty", "a/b"),
        overwrite=Overwrite.CHANGED, delete=True,
    )  # fmt: skip
    return replace(example(), payload=payload)


def test_packs_directories_and_rules_come_back() -> None:
    assert manifest.parse(manifest.render(packed())) == packed()
    text = manifest.render(packed(), r"D:\Program Files\Größe").decode("ascii")
    assert text.splitlines()[2:7] == [
        "TO D:/Program Files/Gr%F6%DFe",
        "RULES changed delete",
        "PACK PACK0.001 12 00000001",
        f"FILE ONE 7 {SHA} 2EE32A84 0 0 PACK0.001 a/one",
        f"FILE TWO 5 {SHA} 2EE32A84 1 0 PACK0.001 a/two",
    ]
    assert "DIR a/b\r\n" in text
    assert "TO " not in manifest.render(packed(), r"c:\deploy").decode("ascii")


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=".+"):
        manifest.parse(data)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_every_changed_byte_is_noticed(position: int, byte: int) -> None:
    good = manifest.render(example())
    position %= len(good)
    if good[position] == byte:
        return
    bad = good[:position] + bytes([byte]) + good[position + 1 :]
    with pytest.raises(ValueError, match=".+"):
        manifest.parse(bad)


@given(st.integers(0, 400))
def test_every_cut_is_noticed(length: int) -> None:
    good = manifest.render(example())
    if length >= len(good):
        return
    with pytest.raises(ValueError, match=".+"):
        manifest.parse(good[:length])


HEAD = ["DEPLOY98 2 D7F3A21C", "HOST 192.168.1.1 D7F3A21C abc123xyz", "RULES keep leave"]
PART = "PART A.001 5 0000000A"
FILE = f"FILE A.BIN 5 {SHA} 00000000 0 1 A.001 a.bin"
PACK = "PACK P.001 5 0000000A"
PACKED = f"FILE A.BIN 5 {SHA} 00000000 0 0 P.001 a.bin"


@pytest.mark.parametrize(
    "lines",
    [
        ["DEPLOY98 1 D7F3A21C", *HEAD[1:], PART, FILE],
        ["DEPLOY98 2 X7F3A21C", *HEAD[1:], PART, FILE],
        [HEAD[0], "HOST host D7F3A21C abc123xyz", HEAD[2], PART, FILE],
        [HEAD[0], "HOST 192.168.1.1 D7F3A21C a", HEAD[2], PART, FILE],
        [*HEAD, PART],
        [*HEAD, FILE],
        [*HEAD, PART, FILE, PART],
        [*HEAD, PART, FILE, "WHAT is this"],
        [*HEAD, PART, FILE, "RUN A.EXE", PART, FILE],
        [*HEAD, PART, FILE, "RUN "],
        [*HEAD, "PART ..\\A.001 5 0000000A", FILE],
        [*HEAD, "PART A.001 -5 0000000A", FILE],
        [*HEAD, "PART A.001 5 XYZ", FILE],
        [*HEAD, "PART A.001 0 0000000A", FILE],
        [*HEAD, PART, f"FILE CON 5 {SHA} 00000000 0 1 A.001 a.bin"],
        [*HEAD, PART, f"FILE A.BIN 6 {SHA} 00000000 0 1 A.001 a.bin"],
        [*HEAD, PART, f"FILE A.BIN 5 {SHA} 00000000 0 2 A.001 a.bin"],
        [*HEAD, PART, f"FILE A.BIN 5 {SHA[:-1]} 00000000 0 1 A.001 a.bin"],
        [*HEAD, PART, f"FILE A.BIN 99999999999 {SHA} 00000000 0 1 A.001 a.bin"],
        [*HEAD, PART, FILE, PART, FILE],
        *(
            [*HEAD, PART, FILE.replace("a.bin", bad)]
            for bad in ("../x", "/x", "a\\x", "c:x", "%zz", "x%81", "x/", "")
        ),
        HEAD[:2],
        [*HEAD, HEAD[2], PART, FILE],
        [*HEAD[:2], "RULES some leave", PART, FILE],
        [*HEAD[:2], "RULES keep all", PART, FILE],
        [*HEAD, "TO C:/x", PART, FILE],
        [*HEAD[:2], "TO C:x", HEAD[2], PART, FILE],
        [*HEAD[:2], "TO C:/..", HEAD[2], PART, FILE],
        [*HEAD, PACK],
        [*HEAD, PACKED],
        [*HEAD, PACK, FILE],
        [*HEAD, PACK, PART, PACKED],
        [*HEAD, PACK, PACKED.replace(" 5 ", " 6 ", 1)],
        [*HEAD, PACK, PACKED.replace(" 5 ", " 4 ", 1)],
        [*HEAD, PACK, PACKED.replace("P.001", "P.002")],
        [*HEAD, PACK, PACKED, "PACK P.003 5 0000000A", PACKED.replace("P.001", "P.003")],
        [*HEAD, PART, FILE, "DIR ../x"],
        [*HEAD, PART, FILE.replace(" 0 1 ", " 8 1 ")],
        [*HEAD, PART, FILE.replace("00000000", "0")],
        [*HEAD, PART, f"{FILE} {'x' * 400}"],
    ],
)
def test_a_sealed_manifest_with_nonsense_in_it_is_refused(lines: list[str]) -> None:
    assert manifest.parse(sealed([*HEAD, PART, FILE])).deployment == "D7F3A21C"
    with pytest.raises(ValueError, match=".+"):
        manifest.parse(sealed(lines))


@pytest.mark.parametrize(
    ("place", "encoded"),
    [("a/b c.txt", "a/b c.txt"), ("100%.txt", "100%25.txt"), ("Größe", "Gr%F6%DFe"), ("€", "%80")],
)
def test_places_are_written_in_the_code_page(place: str, encoded: str) -> None:
    assert manifest.encode_place(place) == encoded


@pytest.mark.parametrize(
    "place",
    ["", "/a", "a/", "a//b", ".", "a/..", "a:b", "a*b", 'a"b', "日本", "a\nb", "x" * 256, "end."],
)
def test_places_that_windows_cannot_have_are_refused(place: str) -> None:
    with pytest.raises(ValueError, match=".+"):
        manifest.encode_place(place)


@pytest.mark.parametrize("place", [" leading", "a b", "x/ y"])
def test_blanks_in_places_survive(place: str) -> None:
    assert not encode_place(place).startswith(" ")
    again = manifest.parse(manifest.render(example(place=place)))
    assert again.payload.files[0].place == place


@pytest.mark.parametrize("place", ["con", "a/PRN.txt", "com0", "del\x7f"])
def test_places_that_the_helper_refuses_are_refused_here(place: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        encode_place(place)
