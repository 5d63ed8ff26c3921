"""Manifests that DEPLOY98 must refuse, and those at the limits that it must take."""

from __future__ import annotations

import time
import zlib
from pathlib import Path

import pytest

from deployer.core.payload.plan import packs_of
from deployer.core.target.manifest import render
from deployer.model import Manifest, Part, Payload
from deployer.model import StagedFile as ModelFile
from tests.payloads.targetdir import MANIFEST, Pack, Runner, StagedFile, Target, seal

SHA = "e" * 64
DATE = (2003 - 1980) << 25 | 7 << 21 | 3 << 16 | 5 << 11 | 20 << 5 | 4
HEAD = ["DEPLOY98 2 D7F3A21C", "HOST 192.168.1.1 D7F3A21C Token123"]
PART = "PART A.001 10 00000000"
FILE = f"FILE A.BIN 10 {SHA} 00000000 0 1 A.001 a.bin"
RULES = "RULES keep leave"
PACK = "PACK P.001 10 00000000"
IN_PACK = f"FILE A.BIN 10 {SHA} 00000000 0 0 P.001 a.bin"
EMPTY = f"FILE E.TXT 0 {SHA} 00000000 0 0 - e.txt"


@pytest.fixture
def check(tmp_path: Path, hosted: Runner) -> object:
    """Writes bytes as the manifest and returns CHECK's exit code and RESULT.TXT's reason."""
    target = Target(tmp_path / "DEPLOY", hosted, [])

    def call(data: bytes | list[str]) -> tuple[int, str]:
        target.write(MANIFEST, data if isinstance(data, bytes) else seal(data))
        target.write("NEXT.FTP", b"stale")
        code = target.check()
        assert target.exists("NEXT.FTP") == (code == 1)
        assert not (tmp_path / "outside").exists()
        result = target.result()
        assert result["exit"] == [str(code)]
        return code, result.get("reason", [""])[0]

    return call


def named(name: str) -> list[str]:
    """Records of a file of this name."""
    return [*HEAD, PART, f"FILE {name} 10 {SHA} 00000000 0 1 A.001 {name}"]


def placed(place: str) -> list[str]:
    """Records of a file with this place."""
    return [*HEAD, PART, FILE.replace("a.bin", place)]


REFUSED = {
    "no header": [HEAD[1], PART, FILE],
    "another version": ["DEPLOY98 1 D7F3A21C", HEAD[1], PART, FILE],
    "no id": ["DEPLOY98 2", HEAD[1], PART, FILE],
    "bad id": ["DEPLOY98 2 D7F3A21", HEAD[1], PART, FILE],
    "id in lower case": ["DEPLOY98 2 D7f3a21c", HEAD[1], PART, FILE],
    "another deployment": ["DEPLOY98 2 D7F3A21D", HEAD[1], PART, FILE],
    "two headers": [HEAD[0], *HEAD, PART, FILE],
    "no host": [HEAD[0], PART, FILE],
    "two hosts": [*HEAD, HEAD[1], PART, FILE],
    "host without token": [HEAD[0], "HOST 192.168.1.1 D7F3A21C", PART, FILE],
    "a command in the token": [HEAD[0], "HOST 192.168.1.1 D7F3A21C x;y", PART, FILE],
    "a token too long": [HEAD[0], f"HOST 192.168.1.1 D7F3A21C {'t' * 17}", PART, FILE],
    "an unknown record": [*HEAD, "DELETE A.BIN", PART, FILE],
    "a record in lower-case letters beside": [*HEAD, PART, FILE, "PARTS"],
    "an empty line": [*HEAD, "", PART, FILE],
    "a blank line": [*HEAD, " ", PART, FILE],
    "a blank before the record": [*HEAD, " " + PART, FILE],
    "two blanks": [*HEAD, "PART  A.001 10 00000000", FILE],
    "a blank at the end": [*HEAD, PART + " ", FILE],
    "a part of no bytes": [*HEAD, "PART A.001 0 00000000", FILE.replace(" 10 ", " 0 ")],
    "a part of -1 bytes": [*HEAD, "PART A.001 -1 00000000", FILE],
    "a part of +10 bytes": [*HEAD, "PART A.001 +10 00000000", FILE],
    "a part of 010 bytes": [*HEAD, "PART A.001 010 00000000", FILE],
    "a part of 2 GB": [*HEAD, "PART A.001 2147483648 00000000", FILE],
    "a length past 32 bits": [*HEAD, "PART A.001 4294967306 00000000", FILE],
    "a length past 64 bits": [*HEAD, "PART A.001 18446744073709551626 00000000", FILE],
    "hex in a length": [*HEAD, "PART A.001 0xA 00000000", FILE],
    "a sum in lower case": [*HEAD, "PART A.001 10 0000000a", FILE],
    "a sum too short": [*HEAD, "PART A.001 10 0000000", FILE],
    "a sum too long": [*HEAD, "PART A.001 10 000000000", FILE],
    "a part without extension": [*HEAD, "PART A 10 00000000", FILE],
    "a part called A.000": [*HEAD, "PART A.000 10 00000000", FILE],
    "a part called A.002 first": [*HEAD, "PART A.002 10 00000000", FILE],
    "a part called A.1": [*HEAD, "PART A.1 10 00000000", FILE],
    "a gap between parts": [*HEAD, PART, "PART A.003 10 00000000",
                            f"FILE A.BIN 20 {SHA} 00000000 0 2 A.001 a"],
    "a part of another base": [*HEAD, PART, "PART B.002 10 00000000",
                               f"FILE A.BIN 20 {SHA} 00000000 0 2 A.001 a"],
    "a part twice": [*HEAD, PART, PART, f"FILE A.BIN 20 {SHA} 00000000 0 2 A.001 a"],
    "parts growing": [*HEAD, PART, "PART A.002 11 00000000",
                      f"FILE A.BIN 21 {SHA} 00000000 0 2 A.001 a"],
    "unequal parts": [*HEAD, PART, "PART A.002 9 00000000", "PART A.003 9 00000000",
                      f"FILE A.BIN 28 {SHA} 00000000 0 3 A.001 a"],
    "a file past 2 GB": [*HEAD, "PART A.001 2147483647 00000000", "PART A.002 1 00000000",
                         f"FILE A.BIN 2147483648 {SHA} 00000000 0 2 A.001 a"],
    "lengths that wrap around": [*HEAD, *(f"PART A.{n:03} 2147483647 00000000" for n in (1, 2, 3)),
                                 f"FILE A.BIN 2147483645 {SHA} 00000000 0 3 A.001 a"],
    "a file shorter than its parts": [*HEAD, PART, FILE.replace(" 10 ", " 9 ")],
    "a file longer than its parts": [*HEAD, PART, FILE.replace(" 10 ", " 11 ")],
    "another number of parts": [*HEAD, PART, FILE.replace(" 1 A", " 2 A")],
    "another first part": [*HEAD, PART, FILE.replace("A.001", "B.001")],
    "the second part as first": [*HEAD, PART, FILE.replace("A.001", "A.002")],
    "no parts but a first one": [*HEAD, EMPTY.replace(" - ", " E.001 ")],
    "no parts but bytes": [*HEAD, EMPTY.replace(" 0 ", " 5 ", 1)],
    "a sha too short": [*HEAD, PART, FILE.replace(SHA, SHA[1:])],
    "a sha in upper case": [*HEAD, PART, FILE.replace(SHA, SHA.upper())],
    "no long name": [*HEAD, PART, FILE.removesuffix(" a.bin")],
    "parts without a file": [*HEAD, PART],
    "parts before RUN": [*HEAD, PART, "RUN X"],
    "parts at the end": [*HEAD, PART, FILE, "PART B.001 1 00000000"],
    "one file twice": [*HEAD, PART, FILE, PART, FILE],
    "two files with one base": [*HEAD, PART, FILE, PART, FILE.replace("A.BIN", "B.BIN")],
    "two files in one place": [*HEAD, PART, FILE.replace("a.bin", "same"),
                               "PART B.001 1 00000000",
                               f"FILE B.BIN 1 {SHA} 00000000 0 1 B.001 SAME"],
    "a place that is another file": [*HEAD, EMPTY, PART, FILE.replace("a.bin", "e.txt")],
    "a date too short": [*HEAD, PART, FILE.replace("00000000", "0000000")],
    "attributes that are none": [*HEAD, PART, FILE.replace(" 0 1 ", " 8 1 ")],
    "no attributes": [*HEAD, PART, FILE.replace(" 0 1 ", " 1 ")],
    "two RULES": [*HEAD, RULES, RULES, PART, FILE],
    "RULES of one word": [*HEAD, "RULES keep", PART, FILE],
    "TO no directory": [*HEAD, "TO C:/", PART, FILE],
    "TO no drive": [*HEAD, "TO /GAME", PART, FILE],
    "TO another drive's directory": [*HEAD, "TO C:GAME", PART, FILE],
    "TO and out again": [*HEAD, "TO C:/GAME/../X", PART, FILE],
    "TO in two ways": [*HEAD, "TO C:/A", "TO C:/B", PART, FILE],
    "TO after a file": [*HEAD, PART, FILE, "TO C:/GAME"],
    "a directory outside": [*HEAD, PART, FILE, "DIR ../x"],
    "a pack without files": [*HEAD, PACK],
    "a pack that is not full": [*HEAD, PACK, IN_PACK.replace(" 10 ", " 9 ")],
    "a pack that is more than full": [*HEAD, PACK, IN_PACK.replace(" 10 ", " 11 ")],
    "a pack filled around 4 GB": [*HEAD, PACK, IN_PACK.replace(" 10 ", " 2147483647 "),
                                  IN_PACK.replace(" 10 ", " 2147483647 "),
                                  IN_PACK.replace(" 10 ", " 12 ")],
    "a file of another pack": [*HEAD, PACK, IN_PACK.replace("P.001", "P.002")],
    "a packed file without a pack": [*HEAD, IN_PACK],
    "a part in a pack": [*HEAD, PACK, PART, IN_PACK],
    "a pack in a file": [*HEAD, PART, PACK, FILE],
    "a packed file that has parts": [*HEAD, PACK, IN_PACK.replace(" 0 0 P", " 0 1 P")],
    "packs with a gap": [*HEAD, PACK, IN_PACK, PACK.replace("001", "003"),
                         IN_PACK.replace("A.BIN", "B.BIN").replace("P.001 a", "P.003 b")],
    "one pack twice": [*HEAD, PACK, IN_PACK, PART, FILE.replace("A.BIN", "B.BIN"), PACK,
                       IN_PACK.replace("A.BIN", "C.BIN").replace("a.bin", "c")],
    "a pack with a file's base": [*HEAD, PACK.replace("P.", "A."), IN_PACK.replace("P.", "A."),
                                  PART, FILE.replace("A.BIN", "B.BIN").replace("a.bin", "b")],
    "two RUN": [*HEAD, PART, FILE, "RUN A", "RUN B"],
    "an empty RUN": [*HEAD, PART, FILE, "RUN "],
    "RUN alone": [*HEAD, PART, FILE, "RUN"],
    "RUN of a blank": [*HEAD, PART, FILE, "RUN  A"],
    "a line too long": [*HEAD, PART, FILE, "RUN " + "x" * 397],
    "something behind END": [*HEAD, "END 2 00000000", PART, FILE],
}  # fmt: skip

NAMES = [
    "a.bin", "A.BINX", "ABCDEFGHI.BIN", "A.B.C", ".BIN", "A.", "A..B", "A B", "..", ".", "A/B",
    "A\\B", "C:A", "A:B", "A*", "A?", "A~1.BIN", "A+B", "CON", "PRN.TXT", "AUX", "NUL.BIN", "COM1",
    "LPT3.DAT", "COM9.X", "-", "GO.BAT", "DEPLOY98.EXE", "RESULT.TXT", "OUTPUT.TXT", "INFO.TXT",
    "NEXT.FTP", "NEXT.TMP", "FIRST.FTP", "SEND.FTP", "GOTIT.TXT", "D7F3A21C.MAN", "D7F3A21C.STA",
    "D7F3A21C.TMP", "RESULT.TMP", "A.001", "A.A01", "A.WRK",
]  # fmt: skip

PLACES = [
    "..", ".", "../outside", "a/../b", "a/..", "./a", "a/.", "/a", "a/", "a//b", "", " ",
    "a\\b", "C:a", "a*", "a?", 'a"b', "a<b", "a>b", "a|b", "%2F", "a%2Fb", "%5C", "..%5Coutside",
    "%2E%2E/outside", "a%00b", "a%0Ab", "a%7F", "a%", "a%4", "a%4g", "a%e9", "a%GG",
    "a.", "a./b", "a ", "a /b", "...", "CON", "con.txt", "a/nul", "a/Lpt1.x/b", "clock$",
    "x" * 241, "a/" + "y" * 239, "go.bat", "Deploy98.exe", "Result.txt", "d7f3a21c.sta",
    "d7f3a21c.xyz", "a.001", "A.a01", "a.wrk",
]  # fmt: skip


@pytest.mark.parametrize("lines", REFUSED.values(), ids=REFUSED)
def test_refused(check, lines: list[str]) -> None:  # type: ignore[no-untyped-def]
    code, reason = check(lines)
    assert code == 5
    assert MANIFEST in reason


@pytest.mark.parametrize("name", NAMES)
def test_refused_names(check, name: str) -> None:  # type: ignore[no-untyped-def]
    assert check(named(name))[0] == 5 or name == "-"


@pytest.mark.parametrize("place", PLACES)
def test_refused_places(check, place: str) -> None:  # type: ignore[no-untyped-def]
    assert check(placed(place))[0] == 5


GOOD = seal([*HEAD, PART, FILE, "RUN A.BIN"])

MANGLED = {
    "empty": b"",
    "one byte": b"D",
    "one LF": b"\n",
    "one CR LF": b"\r\n",
    "END alone": b"END 0 00000000\r\n",
    "cut in the middle": GOOD[: len(GOOD) // 2],
    "cut before END": GOOD[: GOOD.index(b"END")],
    "cut in END": GOOD[:-4],
    "no LF at the end": GOOD[:-1],
    "no CR LF at the end": GOOD[:-2],
    "LF only": GOOD.replace(b"\r\n", b"\n"),
    "CR CR LF": GOOD.replace(b"\r\n", b"\r\r\n"),
    "CR only": GOOD.replace(b"\n", b""),
    "a digit": GOOD.replace(b" 10 ", b" 20 ", 1),
    "a letter": GOOD.replace(b"RUN A", b"RUN B"),
    "a line lost": GOOD.replace(PART.encode() + b"\r\n", b""),
    "twice": GOOD + GOOD,
    "a byte behind": GOOD + b"x",
    "Ctrl-Z behind": GOOD + b"\x1a",
    "a NUL": GOOD.replace(b"RUN A", b"RUN \0"),
    "a tab": GOOD.replace(b"RUN A", b"RUN\tA"),
    "another count": GOOD.replace(b"END 5", b"END 6"),
    "zeros": bytes(500),
    "a program": b"MZ\x90\0" * 300,
}  # fmt: skip


@pytest.mark.parametrize("data", MANGLED.values(), ids=MANGLED)
def test_mangled(check, data: bytes) -> None:  # type: ignore[no-untyped-def]
    assert check(data)[0] == 5


def test_the_unmangled_one_is_taken(check) -> None:  # type: ignore[no-untyped-def]
    assert check(GOOD) == (1, "")


def test_every_cut_and_every_flipped_bit_is_noticed(check) -> None:  # type: ignore[no-untyped-def]
    for length in range(len(GOOD)):
        assert check(GOOD[:length])[0] == 5
    for at in range(len(GOOD)):
        assert check(GOOD[:at] + bytes([GOOD[at] ^ (1 << at % 8)]) + GOOD[at + 1 :])[0] == 5


def test_a_missing_manifest(tmp_path: Path, hosted: Runner) -> None:
    target = Target(tmp_path, hosted, [])
    (tmp_path / MANIFEST).unlink()
    assert [target.helper(c, MANIFEST) for c in ("CHECK", "JOIN", "RUN")] == [5, 5, 5]


def test_a_manifest_too_long_to_be_one(tmp_path: Path, hosted: Runner) -> None:
    target = Target(tmp_path, hosted, [])
    target.write(MANIFEST, b"x" * 9_000_000)
    assert target.check() == 5


def test_names_and_places_at_the_limits(tmp_path: Path, either: Runner) -> None:
    files = [
        StagedFile("A", b"1"),
        StagedFile("ABCDEFGH.XYZ", b"2"),
        StagedFile("_-9.0", b"3", base="_-9"),
        StagedFile("CONX.TXT", b"4"),
        StagedFile("LPT10.X", b"5"),
        StagedFile("E1.TXT", b""),
        StagedFile("E1.BIN", b"", place="E1.BIN/empty"),
        StagedFile("B.X", b"6", place="x" * 240),
        StagedFile("C.X", b"7", place="a b/c.d.e/+,;=[]!#$&'()@^`{}~.txt"),
        StagedFile("D.X", b"8", place="%E4%F6%FC.%80%FE"),
        StagedFile("F.X", b"9", place="F%25.X"),
        StagedFile("G.002", b"10", base="G"),
        StagedFile("H.X", b"11", place="con-text/nulls/com10"),
    ]
    target = Target(tmp_path / "DEPLOY", either, files)
    assert target.deliver() == 11


def test_999_parts_and_the_longest_line(tmp_path: Path, hosted: Runner) -> None:
    file = StagedFile("BIG.BIN", bytes(range(256)) * 3 + bytes(231), step=1)
    target = Target(tmp_path, hosted, [file], run="X" * 396)
    target.put_parts()
    assert target.check() == 0
    more = StagedFile("BIG.BIN", bytes(1000), step=1)
    for thousandth in ("BIG.000", "BIG.A00", "BIG.1000"):
        lines = [line.replace("BIG.1000", thousandth) for line in more.records()]
        target.write(MANIFEST, seal([*HEAD, *lines]))
        assert target.check() == 5


@pytest.mark.parametrize(("count", "code"), [(31_998, 0), (31_999, 5)])
def test_32000_records_and_not_one_more(
    tmp_path: Path, hosted: Runner, count: int, code: int
) -> None:
    empty = StagedFile("X", b"").sha256
    lines = [*HEAD, *(f"FILE F{n} 0 {empty} 00000000 0 0 - F{n}" for n in range(count))]
    target = Target(tmp_path, hosted, [])
    target.write(MANIFEST, seal(lines))
    assert target.check() == code


def test_what_the_host_renders_is_taken(tmp_path: Path, hosted: Runner) -> None:
    """The two ends were written apart; this is where they meet."""
    ours = [
        StagedFile("MODEL.BIN", bytes(2500)),
        StagedFile("NONE.TXT", b""),
        StagedFile("N.TXT", b"n", place="dir/na%EFve%25.txt"),
    ]
    files = []
    for file in ours:
        parts = tuple(
            Part(file.part(n), 1000 * (n - 1), len(p), zlib.crc32(p))
            for n, p in enumerate(file.pieces, 1)
        )
        place = "dir/naïve%.txt" if file.place else ""
        files.append(
            ModelFile("", file.name, file.name, len(file.data), file.sha256, parts, 0, place)
        )
    small = [StagedFile(f"S{n}", bytes([n]) * n, place=f"s/{n}", date=DATE) for n in range(9)]
    crcs = [zlib.crc32(file.data) for file in small]
    files += [
        ModelFile("", f.name, f.name, len(f.data), f.sha256, (), 0, f.place, pack="PACK0.001",
                  date=DATE, crc32=crc)
        for f, crc in zip(small, crcs, strict=True)
    ]  # fmt: skip
    payload = Payload(
        tuple(files), "MODEL.BIN -x", packs=packs_of(files), directories=("none/of this",)
    )
    data = render(Manifest("D7F3A21C", "192.168.1.1", "D7F3A21C", "Token123", payload))
    target = Target(tmp_path / "DEPLOY", hosted, [*ours, Pack(tuple(small))])
    target.write(MANIFEST, data)
    assert target.deliver() == 5
    assert (tmp_path / "DEPLOY" / "none" / "of this").is_dir()
    assert (tmp_path / "DEPLOY" / "s" / "3").stat().st_mtime == time.mktime(
        (2003, 7, 3, 5, 20, 8, 0, 0, -1)
    )
