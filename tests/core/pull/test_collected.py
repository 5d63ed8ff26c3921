"""PULL.DAT: what is whole in it is found, whatever stands between."""

from __future__ import annotations

import random
import zlib

import pytest

from deployer.core.pull import listing
from deployer.core.pull.collected import RecordKind, records

ID = "D7F3A21C"
LIST = listing.sealed(
    b"deployment=D7F3A21C\r\nfrom=C:\\LOGS\\*.*\r\ncodepage=1252 437\r\n"
    b"file=3 " + b"ab" * 32 + b" 20 5D7E6314 1 A.TXT A.TXT\r\n"
)
REPORT = listing.sealed(b"deployer-result=1\r\ndeployment=D7F3A21C\r\ncommand=GATHER\r\nexit=0\r\n")


def part(data: bytes, index: int = 1) -> bytes:
    body = b"part=D7F3A21C 8246B7D7\r\nfile=%d 0 %d\r\n%s" % (index, len(data), data)
    return body + b"end=%08X\r\n" % zlib.crc32(body)


def found(data: bytes) -> list[tuple[RecordKind, bytes]]:
    return [(one.kind, data[one.start : one.stop]) for one in records(data, ID)]


def test_all_pieces_are_found_in_their_order() -> None:
    first, second = part(b"abc"), part(bytes(1000), 2)
    assert found(LIST + first + second + LIST + REPORT) == [
        (RecordKind.LIST, LIST), (RecordKind.PART, first), (RecordKind.PART, second),
        (RecordKind.LIST, LIST), (RecordKind.REPORT, REPORT),
    ]  # fmt: skip


def test_bytes_of_files_that_look_like_pieces_are_bytes_of_files() -> None:
    whole = part(LIST + part(b"inner") + REPORT)
    assert found(whole + REPORT) == [(RecordKind.PART, whole), (RecordKind.REPORT, REPORT)]


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_byte_costs_its_own_piece_only(seed: int) -> None:
    rnd = random.Random(seed)
    pieces = [part(rnd.randbytes(rnd.randrange(1, 500)), number) for number in range(1, 6)]
    hit = rnd.randrange(5)
    spoilt = bytearray(pieces[hit])
    spoilt[rnd.randrange(len(spoilt))] ^= 1 << rnd.randrange(8)
    others = [(RecordKind.PART, piece) for n, piece in enumerate(pieces) if n != hit]
    data = b"".join([*pieces[:hit], bytes(spoilt), *pieces[hit + 1 :]])
    assert found(data) == others


def test_what_was_cut_anywhere_holds_what_is_whole_before_it() -> None:
    data = LIST + part(b"abc") + REPORT
    for length in range(len(data)):
        whole = [piece for at, piece in ((len(LIST), RecordKind.LIST),) if length >= at]
        assert [kind for kind, _ in found(data[:length])][: len(whole)] == whole
        assert len(found(data[:length])) <= 2


def test_another_pulls_pieces_are_none() -> None:
    assert list(records(LIST + part(b"abc"), "D0000000")) == []
