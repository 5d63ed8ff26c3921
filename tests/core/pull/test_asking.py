"""What the host asks for: all that is missing, nothing that is here; and the parts that answer."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.pull import ask, parts
from deployer.core.pull.listing import PulledFile, unsealed
from deployer.core.pull.parts import PartRefusedError
from deployer.model import Manifest, Payload

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def files(lengths: list[int]) -> list[PulledFile]:
    return [
        PulledFile(f"F{n}", f"F{n}", 0x20, 0, length, f"{n:064x}")
        for n, length in enumerate(lengths)
    ]


@given(RANGES, st.integers(0, 60))
def test_merged_ranges_and_what_is_missing_are_a_whole_file(
    ranges: list[tuple[int, int]], length: int
) -> None:
    have = ask.merged((min(a, length), min(b, length)) for a, b in ranges)
    covered = {n for a, b in have for n in range(a, b)}
    gaps = [n for a, b in ask.missing(length, have) for n in range(a, b)]
    assert sorted([*covered, *gaps]) == list(range(length))


@given(st.lists(st.tuples(st.integers(0, 9), RANGES, st.sampled_from("hdna")), max_size=12))
def test_every_missing_byte_is_asked_for_once_and_nothing_else(
    given_files: list[tuple[int, list[tuple[int, int]], str]],
) -> None:
    listed = files([length for length, _, _ in given_files])
    have, done, again = {}, set(), set()
    expected = set()
    for number, (file, (length, ranges, kind)) in enumerate(
        zip(listed, given_files, strict=True), 1
    ):
        if kind == "h":
            have[file.sha256] = ask.merged((min(a, length), min(b, length)) for a, b in ranges)
            gaps = ask.missing(length, have[file.sha256])
            expected |= {(number, n) for a, b in gaps for n in range(a, b)}
        elif kind == "d":
            done.add(file.sha256)
        elif kind == "a":
            again.add(number)
        else:
            expected |= {(number, n) for n in range(length)}
    asked = []
    last = 0
    for want in ask.wants(listed, have, done, again):
        assert want.first >= last
        last = want.last
        if want.stop == 0:
            assert want.first == want.last
            assert want.first in again
        elif want.first == want.last:
            asked += [(want.first, n) for n in range(want.start, want.stop)]
        else:
            for number in range(want.first, want.last + 1):
                assert listed[number - 1].length
                asked += [(number, n) for n in range(listed[number - 1].length)]
    assert sorted(asked) == sorted(expected)


def test_five_thousand_files_are_asked_for_in_one_line() -> None:
    want = ask.wants(files([7] * 5000), {}, set(), set())
    assert [(w.first, w.last) for w in want] == [(1, 5000)]


def test_the_ask_leaves_out_what_is_ours_in_the_helpers_directory() -> None:
    manifest = Manifest("D7F3A21C", "192.168.1.1", "D7F3A21C", "secret", Payload(()))
    body, _ = unsealed(ask.render(manifest, "C:\\*.*", "C:\\DEPLOY", None, ()))
    lines = body.decode().splitlines()
    assert lines[:5] == [
        "host=192.168.1.1", "login=D7F3A21C secret", "from=C:\\*.*", "part=1048576 3",
        "list=00000000",
    ]  # fmt: skip
    assert "skip=DEPLOY\\GO.BAT" in lines
    assert "skip=DEPLOY\\D7F3A21C.LST" in lines
    assert ask.ours("D7F3A21C", "C:\\DEPLOY\\*.*", "C:\\DEPLOY")[0] == "DEPLOY98.EXE"
    assert ask.ours("D7F3A21C", "C:\\GAME\\*.*", "C:\\DEPLOY") == ()


def test_what_is_asked_for_is_written_in_the_letters_of_the_pc() -> None:
    payload = Payload((), codepage=932)
    manifest = Manifest("D7F3A21C", "192.168.1.1", "D7F3A21C", "secret", payload)
    source = "C:\\\u8868\\*.*"
    body, _ = unsealed(ask.render(manifest, source, "C:\\DEPLOY", None, ()))
    assert f"from={source}\r\npart=1048576 6\r\n".encode("cp932") in body


def part(*files_in_it: tuple[int, int, bytes]) -> bytes:
    data = b"part=D7F3A21C 5A77C0DE\r\n"
    for index, offset, content in files_in_it:
        data += b"file=%d %d %d\r\n" % (index, offset, len(content)) + content
    return data + b"end=%08X\r\n" % zlib.crc32(data)


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(0, 1 << 31), st.binary(max_size=60))))
def test_a_part_gives_back_the_bytes_that_were_put_into_it(
    content: list[tuple[int, int, bytes]],
) -> None:
    data = part(*content)
    found = parts.parse(data, "D7F3A21C")
    assert found.list_crc == 0x5A77C0DE
    assert [(e.index, e.offset, data[e.at : e.at + e.length]) for e in found.extents] == content


@given(st.data())
def test_a_part_with_any_byte_changed_or_cut_or_added_is_refused(data: st.DataObject) -> None:
    whole = bytearray(part((1, 0, b"hello"), (2, 7, b"file=1 0 3\r\nend=")))
    at = data.draw(st.integers(0, len(whole) - 1))
    match data.draw(st.sampled_from(["cut", "change", "add"])):
        case "cut":
            whole = whole[:at]
        case "add":
            whole.insert(at, data.draw(st.integers(0, 255)))
        case _:
            whole[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PartRefusedError):
        parts.parse(bytes(whole), "D7F3A21C")
