"""The service with a target driven by hand: ftplib says what FTP.EXE would say."""

from __future__ import annotations

import asyncio
import contextlib
import ftplib
import hashlib
import io
import time
import zlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.core.deployment import Deployment
from deployer.edge.store import Store
from deployer.errors import (
    DeployerError,
    FileChanged,
    ProgramFailed,
    StoreFull,
    TargetBusy,
    TargetDiskFull,
    TargetNeverCalled,
    TargetTimedOut,
    VerificationFailed,
)
from deployer.events import LoginAccepted, LoginRefused, ProofReceived, StateChanged
from deployer.host import staging
from deployer.host.endings import raise_for
from deployer.host.offers.offer import Offer
from deployer.host.past import recheck, recorded
from deployer.host.requests import Request
from deployer.host.service import Service
from deployer.model import Cause, Manifest, Payload, State
from tests.waiting import until

PEER = "127.0.0.1"


def session(port: int, manifest: Manifest) -> ftplib.FTP:
    ftp = ftplib.FTP()
    ftp.connect(PEER, port, timeout=30)
    ftp.login(manifest.login, manifest.token)
    ftp.set_pasv(False)
    return ftp


def fetch(ftp: ftplib.FTP, name: str) -> bytes:
    got = io.BytesIO()
    ftp.retrbinary(f"RETR {name}", got.write)
    return got.getvalue()


def report(manifest: Manifest, **fields: object) -> bytes:
    lines = {"deployment": manifest.deployment, **fields}
    body = "".join(f"{key}={value}\r\n" for key, value in lines.items())
    for file in manifest.payload.files:
        body += f"file={file.name} {file.length} {file.sha256} good\r\n"
    data = body.encode("ascii")
    count = data.count(b"\r\n")
    return data + f"end={count} {zlib.crc32(data):08X}\r\n".encode("ascii")


def send(ftp: ftplib.FTP, name: str, data: bytes) -> None:
    ftp.storbinary(f"STOR {name}", io.BytesIO(data))


def deliver(port: int, manifest: Manifest) -> None:
    """A target that does everything right."""
    with session(port, manifest) as ftp:
        for file in manifest.payload.files:
            parts = [fetch(ftp, part.name) for part in file.parts]
            assert [zlib.crc32(part) for part in parts] == [part.crc32 for part in file.parts]
            assert hashlib.sha256(b"".join(parts)).hexdigest() == file.sha256
    with session(port, manifest) as ftp:
        send(ftp, "RESULT.TXT", report(manifest, command="JOIN", exit=0))
    with session(port, manifest) as ftp:
        send(ftp, "OUTPUT.TXT", b"Once.\r\ntok/s=39.31\r\n")
        send(ftp, "RESULT.TXT", report(manifest, command="RUN", exit=0, run_exit=0))
        assert fetch(ftp, "GOTIT.TXT").startswith(manifest.deployment.encode())


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    path = tmp_path / "payload.bin"
    path.write_bytes(bytes(range(256)) * 3000)
    return staging.stage(Request((path,), run="payload.bin", part_size=256 << 10))


def during(
    state: Path,
    manifest: Manifest,
    target: Callable[[int, Manifest], None],
    silence: float = 10.0,
    directory: str = "C:\\DEPLOY",
) -> Deployment:
    """Serve the manifest while `target` runs in a thread; how it ended.

    The silence is that after it, so that a slow machine is not taken for a silent target.
    """

    async def scenario() -> Deployment:
        async with Service(state, clock=time.time, address=PEER, ftp_port=0) as service:
            taken = service.take_up(manifest, PEER, directory)
            await service.deploy(Offer(taken, PEER, directory))
            await asyncio.to_thread(target, service.ftp_port, taken)
            ended = await service.finished(taken.deployment, silence=silence)
            await service.until_logged_out(taken.deployment)
            return ended

    return asyncio.run(scenario())


def test_a_delivery_is_proved_and_recorded(tmp_path: Path, manifest: Manifest) -> None:
    ended = during(tmp_path / "state", manifest, deliver)
    assert ended.state == State.PROVED
    raise_for(ended)
    events = [event for _, event in recorded(tmp_path / "state")]
    states = [event.state.value for event in events if isinstance(event, StateChanged)]
    assert states == ["waiting", "fetching", "verifying", "running", "proved"]
    proof = next(event.proof for event in events if isinstance(event, ProofReceived))
    assert proof.tokens_per_second == 39.31
    assert proof.report.files[0].sha256 == manifest.payload.files[0].sha256


def test_a_program_that_fails_is_not_a_transfer_that_fails(
    tmp_path: Path, manifest: Manifest
) -> None:
    def target(port: int, taken: Manifest) -> None:
        with session(port, taken) as ftp:
            send(ftp, "RESULT.TXT", report(taken, command="RUN", exit=6, run_exit=3))

    ended = during(tmp_path / "state", manifest, target)
    assert ended.state == State.FAILED
    with pytest.raises(ProgramFailed, match="exit code 3"):
        raise_for(ended)


def test_a_program_that_is_stopped_is_not_a_transfer_that_fails(
    tmp_path: Path, manifest: Manifest
) -> None:
    def target(port: int, taken: Manifest) -> None:
        with session(port, taken) as ftp:
            send(ftp, "RESULT.TXT", report(taken, command="JOIN", exit=0))
        with session(port, taken) as ftp:
            name = taken.deployment.encode()
            send(ftp, "RESULT.TXT", b"deployment=%s\r\nfailed=STOPPED\r\n" % name)

    ended = during(tmp_path / "state", manifest, target)
    assert ended.state == State.FAILED
    with pytest.raises(ProgramFailed, match="every file is verified") as caught:
        raise_for(ended)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("failed", ["FULL", ""])
def test_after_a_full_disk_the_advice_is_to_make_room(
    tmp_path: Path, manifest: Manifest, failed: str
) -> None:
    def target(port: int, taken: Manifest) -> None:
        name = taken.deployment.encode()
        said = b"deployment=%s\r\nfailed=FULL\r\n" % name
        with session(port, taken) as ftp:
            send(ftp, "RESULT.TXT", said if failed else report(taken, command="CHECK", exit=3))

    ended = during(tmp_path / "state", manifest, target)
    with pytest.raises(TargetDiskFull) as caught:
        raise_for(ended)
    assert caught.value.exit_code == 5
    assert "Make room on its disk" in caught.value.remedy


def test_a_wrong_sum_on_the_target_is_no_success(tmp_path: Path, manifest: Manifest) -> None:
    def target(port: int, taken: Manifest) -> None:
        claim = report(taken, command="RUN", exit=0, run_exit=0)
        sha256 = taken.payload.files[0].sha256.encode()
        body = claim.replace(sha256, sha256[::-1])[: claim.rindex(b"end=")]
        end = f"end={body.count(bytes([10]))} {zlib.crc32(body):08X}\r\n".encode()
        with session(port, taken) as ftp:
            send(ftp, "RESULT.TXT", body + end)

    ended = during(tmp_path / "state", manifest, target)
    with pytest.raises(VerificationFailed, match="SHA-256 differs"):
        raise_for(ended)


def test_a_silent_target_is_given_up(tmp_path: Path, manifest: Manifest) -> None:
    ended = during(tmp_path / "state", manifest, lambda _port, _manifest: None, silence=0.2)
    with pytest.raises(TargetNeverCalled, match="no sign of life for 0 s") as caught:
        raise_for(ended)
    assert caught.value.remedy.endswith("deployer doctor --target 127.0.0.1")


@pytest.mark.parametrize(
    ("target", "cause", "error"),
    [
        ("192.168.1.2", Cause.NEVER_CALLED, TargetNeverCalled),
        ("192.168.1.2", Cause.SILENCE, TargetTimedOut),
        ("sim", Cause.NEVER_CALLED, TargetTimedOut),
        ("serial:/dev/ttyS0", Cause.NEVER_CALLED, TargetTimedOut),
    ],
)
def test_only_who_has_called_is_to_start_go_again(
    target: str, cause: Cause, error: type[DeployerError]
) -> None:
    reason = "no sign of life for 900 s; the last thing it did: nothing yet"
    ended = Deployment("D7F3A21C", target, Payload(()), State.FAILED, reason, cause)
    with pytest.raises(error) as caught:
        raise_for(ended)
    assert ("GO again" in caught.value.remedy) == (error is TargetTimedOut)


def test_a_source_that_changes_ends_the_deployment(tmp_path: Path, manifest: Manifest) -> None:
    def target(port: int, taken: Manifest) -> None:
        Path(taken.payload.files[0].source).write_bytes(b"something else")
        with session(port, taken) as ftp, pytest.raises(ftplib.error_perm, match="changed"):
            fetch(ftp, taken.payload.files[0].parts[0].name)

    ended = during(tmp_path / "state", manifest, target)
    with pytest.raises(FileChanged, match=r"payload\.bin"):
        raise_for(ended)


def test_an_unfinished_deployment_goes_on_under_its_own_name(
    tmp_path: Path, manifest: Manifest
) -> None:
    state = tmp_path / "state"
    seen: list[str] = []

    def leave(port: int, taken: Manifest) -> None:
        seen.append(taken.deployment)
        # on a busy machine its time may be up in the middle, and then nothing more is served
        with contextlib.suppress(ftplib.all_errors), session(port, taken) as ftp:
            fetch(ftp, taken.payload.files[0].parts[0].name)

    def go_on(port: int, taken: Manifest) -> None:
        seen.append(taken.deployment)
        deliver(port, taken)

    assert during(state, manifest, leave, silence=0.3).state == State.FAILED
    again = staging.stage(
        Request((Path(manifest.payload.files[0].source),), run="payload.bin", part_size=256 << 10)
    )
    assert again.deployment != manifest.deployment
    assert during(state, again, go_on).state == State.PROVED
    fresh = staging.stage(
        Request((Path(manifest.payload.files[0].source),), run="payload.bin", part_size=256 << 10)
    )
    assert during(state, fresh, go_on).state == State.PROVED
    assert seen == [manifest.deployment, manifest.deployment, fresh.deployment]


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_clock_that_is_set_is_no_silence(tmp_path: Path, manifest: Manifest, jump: float) -> None:
    """Many a small computer learns what time it is only after it has begun to serve."""
    now = [1e9]
    other = replace(manifest, deployment="D0000002")
    third = replace(manifest, deployment="D0000003")

    async def scenario() -> tuple[Deployment, Deployment]:
        async with Service(
            tmp_path / "state", clock=lambda: now[0], address=PEER, ftp_port=0
        ) as service:
            for each in (manifest, other, third):
                service.write_down(Offer(each, PEER, r"C:\DEPLOY"))
            patient = asyncio.create_task(service.finished(other.deployment, silence=600))
            hasty = asyncio.create_task(service.finished(third.deployment, silence=0.5))
            await asyncio.sleep(0)
            now[0] += jump
            service.cancel(manifest.deployment)  # this wakes everybody
            given_up = await asyncio.wait_for(hasty, 60)
            for _ in range(100):  # so that the patient one has looked at the clock, too
                await asyncio.sleep(0)
            service.cancel(other.deployment)
            return given_up, await asyncio.wait_for(patient, 60)

    given_up, cancelled = asyncio.run(scenario())
    assert (given_up.state, given_up.cause) == (State.FAILED, Cause.NEVER_CALLED)
    assert (cancelled.state, cancelled.cause) == (State.CANCELLED, Cause.USER)


@pytest.mark.parametrize("turns", range(8))
def test_who_is_stopped_just_when_something_happens_is_stopped(
    tmp_path: Path, manifest: Manifest, turns: int
) -> None:
    """A Ctrl-C is not lost, however many turns of the loop it comes behind an event."""

    async def scenario() -> None:
        async with Service(
            tmp_path / "state", clock=time.time, address=PEER, ftp_port=0
        ) as service:
            taken = service.take_up(manifest, PEER, "C:\\DEPLOY")
            await service.deploy(Offer(taken, PEER, "C:\\DEPLOY"))
            waiting = asyncio.create_task(service.finished(taken.deployment, silence=30))
            await asyncio.sleep(0.05)
            service.publish(LoginAccepted(time.time(), taken.deployment, PEER, taken.deployment))
            for _ in range(turns):
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(waiting, 10)

    asyncio.run(scenario())


def run_both(state: Path, work: Callable[[Service, Service], Coroutine[Any, Any, None]]) -> None:
    async def scenario() -> None:
        options: dict[str, Any] = {"clock": time.time, "address": PEER, "ftp_port": 0}
        async with Service(state, **options) as one, Service(state, **options) as two:
            await work(one, two)

    asyncio.run(scenario())


def test_two_processes_do_not_deliver_to_one_target(tmp_path: Path, manifest: Manifest) -> None:
    async def work(one: Service, two: Service) -> None:
        one.take_up(manifest, PEER, "C:\\DEPLOY")
        two.take_up(manifest, "127.0.0.9", "C:\\DEPLOY")
        with pytest.raises(TargetBusy, match="127.0.0.1"):
            two.take_up(manifest, PEER, "C:\\DEPLOY")

    run_both(tmp_path / "state", work)


@pytest.mark.parametrize(
    ("user", "password"), [("D0000000", "x"), ("{id}", "wrong"), ("A-00000001", "{token}")]
)
def test_nobody_else_gets_in(tmp_path: Path, manifest: Manifest, user: str, password: str) -> None:
    def target(port: int, taken: Manifest) -> None:
        names = {"id": taken.deployment, "token": taken.token}
        ftp = ftplib.FTP()
        ftp.connect(PEER, port, timeout=30)
        with pytest.raises(ftplib.all_errors):
            ftp.login(user.format(**names), password.format(**names) or "x")
        ftp.close()

    ended = during(tmp_path / "state", manifest, target, silence=0.5)
    assert ended.last == "nothing yet"


def test_anonymous_sees_the_batch_file_and_nothing_else(tmp_path: Path, manifest: Manifest) -> None:
    def target(port: int, taken: Manifest) -> None:
        ftp = ftplib.FTP()
        ftp.connect(PEER, port, timeout=30)
        ftp.login()
        assert ftp.nlst() == ["GO.BAT"]
        assert taken.deployment.encode() in fetch(ftp, "GO.BAT")
        with pytest.raises(ftplib.error_perm):
            fetch(ftp, taken.payload.files[0].parts[0].name)
        with pytest.raises(ftplib.error_perm):
            send(ftp, "RESULT.TXT", b"x")
        ftp.quit()

    during(tmp_path / "state", manifest, target, silence=0.5)


# -- the end of a deployment, for who is logged in -------------------------------------------------


def refused(ftp: ftplib.FTP, part: str) -> bool:
    """Whether the end has come to this session; a report is confirmed before it is acted on."""
    try:
        fetch(ftp, part)
    except ftplib.error_temp:
        return False
    except ftplib.error_perm as error:
        return str(error).startswith("550 The deployment is proved")
    return False


def test_a_session_from_before_the_end_can_neither_fetch_nor_replace_evidence(
    tmp_path: Path, manifest: Manifest
) -> None:
    part = manifest.payload.files[0].parts[0].name
    evidence = tmp_path / "state" / "inbox" / manifest.deployment
    final: dict[str, bytes] = {}

    def target(port: int, taken: Manifest) -> None:
        with session(port, taken) as before:
            assert fetch(before, part)
            deliver(port, taken)
            final.update({path.name: path.read_bytes() for path in evidence.iterdir()})
            until(lambda: refused(before, part), "nothing is served any more")
            for name in ("RESULT.TXT", "OUTPUT.TXT"):
                with pytest.raises(ftplib.error_perm, match="553 The deployment is proved"):
                    send(before, name, report(taken, failed="FULL"))

    assert during(tmp_path / "state", manifest, target).state == State.PROVED
    assert {path.name: path.read_bytes() for path in evidence.iterdir()} == final
    assert set(final) == {"RESULT.TXT", "OUTPUT.TXT"}


def test_a_cancel_ends_what_moves_and_every_login(tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(bytes(32 << 20))  # more than sockets have buffers for
    request = Request((tmp_path / "large.bin",), no_run=True, part_size=32 << 20)
    manifest = staging.stage(request)
    part = manifest.payload.files[0].parts[0].name
    state = tmp_path / "state"

    def in_the_middle(ftp: ftplib.FTP, cancel: Callable[[], object]) -> None:
        ftp.voidcmd("TYPE I")
        sock = ftp.transfercmd(f"RETR {part}")
        sock.recv(1)
        cancel()
        with pytest.raises(ftplib.error_temp, match="426 The deployment has ended"):
            ftp.voidresp()
        sock.close()
        with pytest.raises(ftplib.error_perm, match="553 The deployment was cancelled"):
            send(ftp, "RESULT.TXT", report(manifest, command="RUN", exit=0, run_exit=0))

    async def scenario() -> None:
        async with Service(state, clock=time.time, address=PEER, ftp_port=0) as service:
            await service.deploy(Offer(manifest, PEER, "C:\\DEPLOY"))
            loop = asyncio.get_running_loop()

            def cancel() -> None:
                loop.call_soon_threadsafe(service.cancel, manifest.deployment)

            with await asyncio.to_thread(session, service.ftp_port, manifest) as ftp:
                await asyncio.to_thread(in_the_middle, ftp, cancel)
            assert not (state / "inbox" / manifest.deployment / "RESULT.TXT").exists()

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_the_go_bat_of_an_older_push_is_named_to_both_sides(
    tmp_path: Path, manifest: Manifest
) -> None:
    older = replace(manifest, deployment="D0000001", login="D0000001")

    def target(port: int, taken: Manifest) -> None:
        with pytest.raises(ftplib.error_perm, match="530 This GO.BAT is of an older push"):
            session(port, older)
        deliver(port, taken)

    assert during(tmp_path / "state", manifest, target).state == State.PROVED
    told = [event for _, event in recorded(tmp_path / "state") if isinstance(event, LoginRefused)]
    assert [(event.login, event.cause) for event in told] == [("D0000001", "older-push")]


def test_what_an_earlier_try_reported_stays_beside_the_next(
    tmp_path: Path, manifest: Manifest
) -> None:
    failed = report(manifest, command="JOIN", exit=2)

    def fail(port: int, taken: Manifest) -> None:
        with session(port, taken) as ftp:
            send(ftp, "RESULT.TXT", failed)

    assert during(tmp_path / "state", manifest, fail).state == State.FAILED
    assert during(tmp_path / "state", manifest, deliver).state == State.PROVED
    evidence = tmp_path / "state" / "inbox" / manifest.deployment
    assert (evidence / "RESULT.TXT.1").read_bytes() == failed
    assert (evidence / "RESULT.TXT").read_bytes() != failed


def test_what_goes_to_another_directory_is_another_deployment(
    tmp_path: Path, manifest: Manifest
) -> None:
    """The GO.BAT of the first may run there still: what it finds proves nothing of the second."""
    state, seen = tmp_path / "state", list[Manifest]()

    def leave(_port: int, taken: Manifest) -> None:
        seen.append(taken)

    def go_on(port: int, taken: Manifest) -> None:
        with pytest.raises(ftplib.error_perm, match="530 This GO.BAT is of an older push"):
            session(port, seen[0])
        leave(port, taken)

    during(state, manifest, leave, silence=0.0, directory="C:\\OLD")
    again = replace(manifest, deployment="D0000002", login="D0000002")
    during(state, again, go_on, silence=0.0, directory="C:\\NEW")
    assert [taken.deployment for taken in seen] == [manifest.deployment, "D0000002"]


def test_a_try_that_cannot_be_written_down_leaves_the_evidence_of_the_last(
    tmp_path: Path, manifest: Manifest
) -> None:
    state = tmp_path / "state"
    assert during(state, manifest, deliver).state == State.PROVED

    async def again() -> None:
        async with Service(state, clock=time.time, address=PEER, ftp_port=0) as service:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Store, "append", no_room)
                with pytest.raises(StoreFull):
                    await service.deploy(Offer(manifest, PEER, "C:\\DEPLOY"))
            assert not service.has_ended(manifest.deployment)

    asyncio.run(again())
    assert all(check.good for check in recheck(state, manifest.deployment))


def no_room(store: Store, _event: object) -> int:
    raise StoreFull(path=store.directory, why="database or disk is full")


def test_what_describes_the_machine_proves_nothing(tmp_path: Path, manifest: Manifest) -> None:
    def target(port: int, taken: Manifest) -> None:
        with session(port, taken) as ftp:
            send(ftp, "INFO.TXT", report(taken, command="RUN", exit=0, run_exit=0, cpu="i486"))

    assert during(tmp_path / "state", manifest, target, silence=0.2).cause == Cause.SILENCE
