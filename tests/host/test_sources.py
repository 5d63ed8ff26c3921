"""What is proved is what the file is: whatever was done to it, and whenever.

Real files on the real file system. A model of the content is kept beside them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deployer.core.payload import plan
from deployer.edge.files import is_settled, measure, stamp_of
from deployer.edge.ftp.files import SliceSource, SourceAlteredError
from deployer.errors import DeployerError, FileChanged
from deployer.host import service, staging
from deployer.host.endings import raise_for
from deployer.host.requests import Request
from deployer.model import Cause, FileStamp, Manifest, State
from tests.host.test_service import deliver, during, fetch, report, send, session

LENGTH = 3000
CONTENTS = [bytes([65 + number]) * LENGTH for number in range(4)]
OF_CONTENTS = st.integers(0, 3)


def sent(manifest: Manifest) -> bytes:
    """The bytes of all parts as the FTP server hands them over. Raises SourceAlteredError."""
    (file,) = manifest.payload.files
    ours, theirs = socket.socketpair()
    data = b""
    with ours, theirs:
        for part in file.parts:
            source = SliceSource(plan.slice_of(file, part), 0, 4096)
            try:
                while source.left:
                    source.send(ours)
                    data += theirs.recv(1 << 16)
                source.check()
            finally:
                source.close()
    while len(data) < file.length:
        data += theirs.recv(1 << 16)
    return data


class Sources(RuleBasedStateMachine):
    """One file, treated in every way, staged, sent and proved at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "image.bin"
        self.path.write_bytes(CONTENTS[0])
        self.once = staging.Once()
        self.manifest: Manifest | None = None
        self.settle()

    def settle(self) -> None:
        """A moment later: the file is as old as files are that one did not just make."""
        end = time.monotonic() + 5
        while not is_settled(stamp_of(self.path.stat()), time.time_ns()):
            assert time.monotonic() < end
            time.sleep(0.005)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    # --- what is done to the file

    @rule(number=OF_CONTENTS, back=st.booleans())
    def write(self, number: int, *, back: bool) -> None:
        before = self.path.stat()
        with self.path.open("r+b") as file:
            file.write(CONTENTS[number])
        if back:
            os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))

    @rule(number=OF_CONTENTS, back=st.booleans())
    def rename_over(self, number: int, *, back: bool) -> None:
        before = self.path.stat()
        other = self.folder / "new"
        other.write_bytes(CONTENTS[number])
        if back:
            os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(self.path)

    @rule(length=st.sampled_from([1, LENGTH - 1]), again=st.booleans())
    def truncate(self, length: int, *, again: bool) -> None:
        before = self.path.stat()
        os.truncate(self.path, length)
        if again:  # to the old length, with zeros
            os.truncate(self.path, LENGTH)
        os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))

    @rule(number=OF_CONTENTS, hard=st.booleans())
    def replace_by_link(self, number: int, *, hard: bool) -> None:
        before = self.path.stat()
        other = self.folder / f"target{time.monotonic_ns()}"
        other.write_bytes(CONTENTS[number])
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        link = self.folder / "link"
        os.link(other, link) if hard else link.symlink_to(other)
        link.replace(self.path)

    @rule()
    def change_its_rights(self) -> None:
        """Which changes no content."""
        self.path.chmod(self.path.stat().st_mode ^ 0o040)

    @rule()
    def time_passes(self) -> None:
        self.settle()

    # --- what we do

    @rule()
    def stage(self) -> None:
        request = Request((self.path,), no_run=True, part_size=1024)
        self.manifest = staging.stage(request, once=self.once)
        (file,) = self.manifest.payload.files
        content = self.path.read_bytes()
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert file.length == len(content)

    @precondition(lambda self: self.manifest is not None)
    @rule()
    def send(self) -> None:
        """What goes out is what was measured, or it is said that the file has changed."""
        assert self.manifest is not None
        try:
            data = sent(self.manifest)
        except SourceAlteredError:
            assert self.path.read_bytes() != self.content_staged()
            return
        if hashlib.sha256(data).hexdigest() != self.manifest.payload.files[0].sha256:
            # written to within one tick of the clock: the target notices, and so does the proof
            assert not self.manifest.payload.files[0].settled

    @precondition(lambda self: self.manifest is not None)
    @rule()
    def prove(self) -> None:
        """The sum that is printed is the sum of the file as it is then."""
        assert self.manifest is not None
        (file,) = self.manifest.payload.files
        same = hashlib.sha256(self.path.read_bytes()).hexdigest() == file.sha256
        assert staging.changed(self.manifest.payload, reading=True) == ("" if same else file.source)

    @precondition(lambda self: self.manifest is not None)
    @rule()
    def take_up(self) -> None:
        """What is offered again with its old sums still has them."""
        assert self.manifest is not None
        (file,) = self.manifest.payload.files
        if staging.unchanged(self.manifest):
            assert hashlib.sha256(self.path.read_bytes()).hexdigest() == file.sha256

    def content_staged(self) -> bytes:
        assert self.manifest is not None
        known = self.manifest.payload.files[0].sha256
        found = [c for c in CONTENTS if hashlib.sha256(c).hexdigest() == known]
        return found[0] if found else b""

    @invariant()
    def is_there(self) -> None:
        assert self.path.exists()


TestSources = Sources.TestCase
TestSources.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_the_issue_a_file_of_the_same_length_with_its_old_time(tmp_path: Path) -> None:
    """Two versions of a reproducible build, unpacked from archives with fixed times."""
    path = tmp_path / "firmware.bin"
    once = staging.Once()
    request = Request((path,), no_run=True)
    sums = []
    for content in (b"first version", b"other version"):
        path.write_bytes(content)
        os.utime(path, ns=(0, 0))
        sums.append(staging.stage(request, once=once).payload.files[0].sha256)
    assert sums == [
        hashlib.sha256(content).hexdigest() for content in (b"first version", b"other version")
    ]


def test_what_is_known_is_not_known_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    read: list[Path] = []
    path = tmp_path / "firmware.bin"
    path.write_bytes(b"x" * 100)
    monkeypatch.setattr("deployer.edge.files.is_settled", lambda _stamp, _now: True)
    monkeypatch.setattr(
        "deployer.edge.files.measure",
        lambda path, *args, **more: (read.append(path), measure(path, *args, **more))[1],
    )
    once = staging.Once(lambda: now[0])
    for at, times in ((0.0, 1), (599.0, 1), (601.0, 2)):
        now[0] = at
        staging.stage(Request((path,), no_run=True), once=once)
        assert len(read) == times


@pytest.mark.parametrize(
    ("changed_ns", "settled"),
    [
        (10**18 + 123, True),
        (10**18 + 10**9 - 1, False),
        (10**18 + 2 * 10**9, False),
        (10**18 - 10**9, False),  # round: a file system that counts in steps of two seconds
        (10**18 - 3 * 10**9, True),
    ],
)
def test_a_file_is_settled_when_its_clock_has_ticked_since(
    changed_ns: int, *, settled: bool
) -> None:
    stamp = FileStamp(1, 2, 3, 0, changed_ns)
    assert is_settled(stamp, 10**18 + 10**9) is settled


def test_a_file_that_is_gone_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x")
    manifest = staging.stage(Request((path,), no_run=True))
    path.unlink()
    assert staging.changed(manifest.payload) == str(path)
    with pytest.raises(DeployerError):
        staging.again(manifest)


# --- the service, with a target that proves what was sent to it


def other_content(path: Path) -> None:
    """Another version of a reproducible build: as long, and of the same time."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"another version")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture(params=["at once", "in a thread"])
def _reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "in a thread":
        monkeypatch.setattr(service, "_READ_AT_ONCE", 0)


@pytest.mark.usefixtures("_reading")
def test_what_has_changed_since_it_was_sent_is_not_proved(
    tmp_path: Path, manifest: Manifest
) -> None:
    def target(port: int, taken: Manifest) -> None:
        with session(port, taken) as ftp:
            for file in taken.payload.files:
                for part in file.parts:
                    fetch(ftp, part.name)
        other_content(tmp_path / "payload.bin")
        with session(port, taken) as ftp:
            send(ftp, "RESULT.TXT", report(taken, command="RUN", exit=0, run_exit=0))

    ended = during(tmp_path / "state", manifest, target)
    assert (ended.state, ended.cause) == (State.FAILED, Cause.SOURCE)
    with pytest.raises(FileChanged, match=r"payload\.bin"):
        raise_for(ended)


@pytest.mark.usefixtures("_reading")
def test_what_is_still_the_same_is_proved_though_its_rights_changed(
    tmp_path: Path, manifest: Manifest
) -> None:
    def target(port: int, taken: Manifest) -> None:
        (tmp_path / "payload.bin").chmod(0o600)
        deliver(port, taken)

    assert during(tmp_path / "state", manifest, target).state == State.PROVED


@pytest.mark.usefixtures("_reading")
def test_a_file_that_changed_is_named_where_the_target_blames_what_it_received(
    tmp_path: Path, manifest: Manifest
) -> None:
    def target(port: int, taken: Manifest) -> None:
        other_content(tmp_path / "payload.bin")
        with session(port, taken) as ftp:
            send(ftp, "RESULT.TXT", report(taken, command="JOIN", exit=2))

    ended = during(tmp_path / "state", manifest, target)
    assert (ended.state, ended.cause) == (State.FAILED, Cause.SOURCE)


def test_the_program_that_failed_is_told_though_its_file_is_another_by_now(
    tmp_path: Path, manifest: Manifest
) -> None:
    def target(port: int, taken: Manifest) -> None:
        other_content(tmp_path / "payload.bin")
        with session(port, taken) as ftp:
            send(ftp, "RESULT.TXT", report(taken, command="RUN", exit=6, run_exit=3))

    ended = during(tmp_path / "state", manifest, target)
    assert (ended.state, ended.cause) == (State.FAILED, Cause.PROOF)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    path = tmp_path / "payload.bin"
    path.write_bytes(bytes(range(256)) * 3000)
    return staging.stage(Request((path,), run="payload.bin", part_size=256 << 10))
