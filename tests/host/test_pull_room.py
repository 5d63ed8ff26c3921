"""A pull for which this computer has no room: what is said, what stays, and how it goes on."""

from __future__ import annotations

import contextlib
import hashlib
import resource
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.core.pull import listing
from deployer.edge import pulled
from deployer.edge.ftp.state import UploadVerdict
from deployer.errors import PullRefused, PullStopped
from deployer.host.grants import Grant, Grants, Handout
from deployer.host.pull.receiver import Receiver
from deployer.model import Gather, Manifest, Payload

ID, SOURCE = "D7F3A210", "C:\\LOGS\\*.*"
FILES = {"A.DAT": b"a" * 200_000, "B.DAT": b"b" * 200_000}


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """The system lets no file grow beyond 50 KB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Pulling:
    """One pull, and what is told of it."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.told: list[tuple[type, str]] = []
        gather = Gather(SOURCE, str(where / "out"))
        self.manifest = Manifest(ID, "192.168.1.1", ID, "secret99", Payload((), gather=gather))
        lines = [f"deployment={ID}", f"from={SOURCE}"] + [
            f"file={len(data)} {hashlib.sha256(data).hexdigest()} 20 5D7E6314 1 {name} {name}"
            for name, data in FILES.items()
        ]
        self.list = listing.sealed("".join(f"{line}\r\n" for line in lines).encode("ascii"))
        self.begin()

    def begin(self) -> None:
        """Start, or start again after an end."""
        gather = self.manifest.payload.gather
        assert gather is not None
        self.receiver = Receiver(
            self.manifest, gather, self.where / "kept", lambda _now: None,
            lambda kind, why: self.told.append((kind, why)),
        )  # fmt: skip

    def part(self, number: int) -> bytes:
        data = list(FILES.values())[number - 1]
        crc = listing.unsealed(self.list)[1]
        body = b"part=%s %08X\r\nfile=%d 0 %d\r\n" % (ID.encode(), crc, number, len(data)) + data
        return body + b"end=%08X\r\n" % zlib.crc32(body)

    def send(self, name: str, data: bytes) -> UploadVerdict:
        return self.receiver.accept(f"{ID}.{name}", data)


@pytest.fixture
def pull(tmp_path: Path) -> Pulling:
    return Pulling(tmp_path)


def test_a_part_that_finds_the_disk_full_stops_the_pull_and_it_goes_on_later(
    pull: Pulling,
) -> None:
    assert pull.send("LST", pull.list) is UploadVerdict.TAKEN
    assert pull.send("PAA", pull.part(1)) is UploadVerdict.TAKEN
    with no_room():
        assert pull.send("PAB", pull.part(2)) is UploadVerdict.NOT_NOW
    assert pull.told == [
        (PullStopped, "this computer cannot write what comes (File too large); "
                      "200,000 of 400,000 bytes are here"),
    ]  # fmt: skip
    pull.begin()
    assert pull.receiver.progress().here == 200_000
    assert b"want=2 2 0 200000" in pull.receiver.ask("192.168.1.1", "C:\\DEPLOY")
    assert pull.send("PAB", pull.part(2)) is UploadVerdict.TAKEN
    assert pull.receiver.finish().whole
    assert (pull.where / "out" / "B.DAT").read_bytes() == FILES["B.DAT"]


def test_a_folder_that_cannot_be_made_in_the_end_leaves_what_has_come_and_no_half(
    pull: Pulling,
) -> None:
    pull.send("LST", pull.list)
    for number, name in ((1, "PAA"), (2, "PAB")):
        pull.send(name, pull.part(number))
    with no_room():
        outcome = pull.receiver.finish()
    assert (outcome.whole, outcome.stopped) == (False, True)
    assert outcome.reason.endswith("400,000 of 400,000 bytes are here")
    assert sorted(path.name for path in pull.where.iterdir()) == ["kept"]
    pull.begin()
    assert pull.receiver.finish().whole


def test_a_list_for_which_there_is_no_room_is_refused_with_both_numbers(
    pull: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulled, "free", lambda _path: (64 << 20) + 500_000)
    pull.send("LST", pull.list)
    ((kind, why),) = pull.told
    assert kind is PullRefused
    assert why == (
        f"800,000 bytes of room are needed for 400,000 bytes of files, and {pull.where / 'out'} "
        "has 500,000"
    )


def test_a_name_too_long_for_this_disk_is_named_and_the_others_come(tmp_path: Path) -> None:
    long = "\u0434" * 200  # as many as Windows takes, but 400 bytes here
    pull = Pulling(tmp_path)
    named = pull.list.replace(b"B.DAT B.DAT", b"B.DAT " + b"%E4" * 200)
    pull.list = listing.sealed(
        named.rpartition(b"end=")[0].replace(
            SOURCE.encode(), SOURCE.encode() + b"\r\ncodepage=1251 866"
        )
    )
    pull.send("LST", pull.list)
    for number, name in ((1, "PAA"), (2, "PAB")):
        assert pull.send(name, pull.part(number)) is UploadVerdict.TAKEN
    outcome = pull.receiver.finish()
    assert (outcome.whole, outcome.stopped) == (False, False)
    assert outcome.reason == f"{long}: its name is too long for this computer's disk"
    assert [path.name for path in outcome.folder.iterdir()] == ["A.DAT"]


def _nothing(_called: str) -> Handout:
    raise AssertionError("nobody logs in")


def test_a_part_that_cannot_even_be_received_stops_the_pull_too(pull: Pulling) -> None:
    """The FTP server keeps what comes in a file of its own first."""
    pull.send("LST", pull.list)
    grants = Grants(lambda _deployment, _peer, _at: None)
    grants.put(ID, Grant("secret99", "", _nothing, pull.receiver))
    grants.unkept(ID, f"{ID}.PAA", "No space left on device")
    ((kind, why),) = pull.told
    assert kind is PullStopped
    assert why == (
        f"this computer cannot write what comes ({ID}.PAA: No space left on device); "
        "0 of 400,000 bytes are here"
    )
