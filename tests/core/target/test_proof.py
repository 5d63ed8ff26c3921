"""What the target reported, and what it is worth."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.target import proof
from deployer.core.target.proof import Failure
from deployer.model import FileStamp, Overwrite, Payload, StagedFile

SHA = "b0a507e7ad0f626624f17112325e66691f9076d622e1d3274d103d00299f2696"
OTHER = SHA[::-1]
PAYLOAD = Payload((StagedFile("", "A.BIN", "a.bin", 5, SHA, (), 0),), "A.EXE")
FILES_ONLY = Payload(PAYLOAD.files)

GOOD = {
    "deployer-result": "1",
    "deployment": "D7F3A21C",
    "helper": "1.0",
    "command": "RUN",
    "exit": "0",
    "system": "Windows 98 4.10.1998",
    "cpu": "GenuineIntel family 6 model 5 stepping 2",
    "cpu_mhz": "350",
    "memory": "134217728",
    "round": "1 16 1",
    "bad": "A.001 1",
    "have": "B.BIN 1-16,18",
    "file": f"A.BIN 5 {SHA} good",
    "run": "A.EXE",
    "run_exit": "0",
    "run_seconds": "12.345",
    "output_bytes": "1234",
    "output": "whole",
}


def report(seal: bool = True, **changes: str | None) -> bytes:
    fields = {**GOOD, **changes}
    body = "".join(f"{k}={v}\r\n" for k, v in fields.items() if v is not None).encode("latin-1")
    end = f"end={body.count(b'=')} 00000000\r\n"
    if seal:
        end = f"end={body.count(bytes([13, 10]))} {zlib.crc32(body):08X}\r\n"
    return body + end.encode()


def verdict(data: bytes, payload: Payload = PAYLOAD) -> tuple[bool, str]:
    return proof.judge(proof.parse_report(data), payload, "D7F3A21C")


def test_everything_that_a_report_says() -> None:
    seen = proof.parse_report(report())
    assert seen.sealed
    assert (seen.deployment, seen.command, seen.exit_code) == ("D7F3A21C", "RUN", 0)
    assert (seen.cpu_mhz, seen.memory, seen.run_exit, seen.run_seconds) == (350, 1 << 27, 0, 12.345)
    assert seen.have == (("B.BIN", "1-16,18"),)
    assert seen.bad == (("A.001", 1),)
    assert [(r.number, r.accepted, r.bad) for r in seen.rounds] == [(1, 16, 1)]
    assert [(f.name, f.length, f.sha256, f.verdict) for f in seen.files] == [
        ("A.BIN", 5, SHA, "good")
    ]


def test_the_proof() -> None:
    assert verdict(report()) == (True, "")
    assert verdict(report(command="JOIN", run_exit=None), FILES_ONLY) == (True, "")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seal": False}, "mangled"),
        ({"deployment": "D0000000"}, "not D7F3A21C"),
        ({"file": f"A.BIN 5 {OTHER} good"}, "SHA-256 differs"),
        ({"file": f"A.BIN 6 {SHA} good"}, "SHA-256 differs"),
        ({"file": f"A.BIN 5 {SHA} wrong"}, "not whole"),
        ({"file": f"A.BIN 5 {SHA} wrong", "reason": "disk full"}, "disk full"),
        ({"file": "A.BIN 5 - missing"}, "not whole"),
        ({"file": None}, "not whole"),
        ({"run_exit": "3"}, "exit code 3"),
        ({"run_exit": None}, "not started"),
        ({"run_exit": None, "reason": "no memory"}, "no memory"),
        ({"command": "JOIN"}, "not started"),
        ({"exit": "3", "reason": "disk full"}, "disk full"),
        ({"exit": None}, "the helper ended with None"),
    ],
)
def test_what_proves_nothing(changes: dict[str, object], reason: str) -> None:
    proved, why = verdict(report(**changes))  # type: ignore[arg-type]
    assert not proved
    assert reason in why


def test_a_failure_needs_no_seal() -> None:
    proved, why = verdict(b"deployment=D7F3A21C\r\nfailed=HELPER\r\n")
    assert (proved, why) == (
        False,
        "GO.BAT stopped: the helper did not arrive whole or did not start",
    )


STOPPED = b"deployment=D7F3A21C\r\nfailed=STOPPED\r\n"
JOINED = report(command="JOIN", run_exit=None)


@pytest.mark.parametrize(
    ("told", "before", "why"),
    [
        (report(run_exit="3"), JOINED, Failure.PROGRAM_FAILED),
        (report(run_exit="3", file=f"A.BIN 5 {OTHER} good"), JOINED, Failure.NOT_VERIFIED),
        (report(exit="6", run_exit=None), JOINED, Failure.NOT_STARTED),
        (report(exit="3", command="CHECK", file="A.BIN 0 - missing"), None, Failure.DISK_FULL),
        (report(exit="3", command="JOIN", file="A.BIN 0 - missing"), None, Failure.DISK_FULL),
        (STOPPED.replace(b"STOPPED", b"FULL"), None, Failure.DISK_FULL),
        (STOPPED, None, Failure.NOT_VERIFIED),
        (STOPPED, JOINED, Failure.PROGRAM_FAILED),
        (STOPPED, JOINED[:-4] + b"0\r\n", Failure.NOT_VERIFIED),
        (STOPPED, report(command="CHECK", exit="1", run_exit=None), Failure.NOT_VERIFIED),
        (STOPPED, report(command="JOIN", file=f"A.BIN 5 {OTHER} good"), Failure.NOT_VERIFIED),
    ],
)
def test_what_became_of_it(told: bytes, before: bytes | None, why: Failure) -> None:
    earlier = None if before is None else proof.parse_report(before)
    known = proof.prove(proof.parse_report(told), PAYLOAD, "D7F3A21C", before=earlier)
    assert not known.proved
    assert proof.failure(known) is why


def test_what_is_proved_has_not_failed() -> None:
    with pytest.raises(ValueError, match="is proved"):
        proof.failure(proof.prove(proof.parse_report(report()), PAYLOAD, "D7F3A21C"))


@given(st.integers(0, 2000), st.integers(0, 255))
def test_no_changed_byte_makes_another_proof(position: int, byte: int) -> None:
    good = report()
    position %= len(good)
    bad = good[:position] + bytes([byte]) + good[position + 1 :]
    if bad != good:
        assert not verdict(bad)[0]


@given(st.binary(max_size=400))
def test_garbage_is_a_report_of_nothing(data: bytes) -> None:
    assert not verdict(data)[0]


@pytest.mark.parametrize(
    ("output", "speed", "story"),
    [
        ("Once.\r\ntokens=9 seconds=1.0 tok/s=39.31 (fp32 x87)\r\n", 39.31, "Once."),
        ("Once\n\nthere.\r\nachieved tok/s: 1.03\n", 1.03, "Once\n\nthere."),
        ("no speed at all\n", None, "no speed at all\n"),
        ("", None, ""),
    ],
)
def test_speed_and_story(output: str, speed: float | None, story: str) -> None:
    assert proof.tokens_per_second(output) == speed
    assert proof.story(output) == story


DIGITS = "9" * 5000
LONG = ("9" * 5000, "1" * 15, "1" * 16, "-1", "", "1 " * 9)


@pytest.mark.parametrize(
    "line",
    [f"have=A.BIN {DIGITS}", f"bad=A.BIN {DIGITS}", f"exit={DIGITS}", f"run_seconds={DIGITS}",
     f"file=A.BIN {DIGITS} {'0' * 64} good", f"round={DIGITS} 1 1", f"end={DIGITS} 00000000"],
)  # fmt: skip
def test_a_number_of_5000_digits_is_none(line: str) -> None:
    report = proof.parse_report(f"deployment=D7F3A21C\r\n{line}\r\n".encode())
    assert report.deployment == "D7F3A21C"
    assert (report.exit_code, report.bad, report.files, report.rounds) == (None, (), (), ())


KEYS = ["deployment", "exit", "file", "have", "bad", "round", "run_exit", "run_seconds", "end"]
LINES = st.tuples(st.sampled_from(KEYS), st.lists(st.sampled_from(LONG) | st.text(max_size=9)))


@given(st.lists(LINES | st.tuples(st.text(max_size=9), st.just([])), max_size=20))
def test_no_line_of_a_report_raises(lines: list[tuple[str, list[str]]]) -> None:
    text = "".join(f"{key}={' '.join(fields)}\r\n" for key, fields in lines)
    report = proof.parse_report(text.encode("utf-8", "surrogatepass"))
    proof.parts_here(report, PAYLOAD)
    assert proof.prove(report, PAYLOAD, "D7F3A21C").proved is False


@pytest.mark.parametrize(
    ("given_text", "numbers"),
    [
        ("1-3,7", {1, 2, 3, 7}),
        ("", set()),
        ("x,2", {2}),
        ("5-", {5}),
        ("998-2000", {998, 999}),
        ("0-2", {1, 2}),
        ("12345,1", {1}),
    ],
)
def test_numbers_of_parts(given_text: str, numbers: set[int]) -> None:
    assert proof.numbers_of(given_text) == numbers


def kept_report(rule: Overwrite) -> tuple[bool, str, tuple[str, ...]]:
    stamp = FileStamp(0, 0, 5, 0, 0)
    files = (
        StagedFile("", "A.BIN", "a.bin", 5, SHA, (), stamp, "a.bin"),
        StagedFile("", "SAVE.DAT", "s/Save.dat", 5, SHA, (), stamp, "s/Save.dat"),
    )
    payload = Payload(files, overwrite=rule)
    lines = ["deployment=D7F3A21C", "command=JOIN", "exit=0", f"file=A.BIN 5 {SHA} good",
             "file=SAVE.DAT 9 - kept", "bak=s/Gr%F6%DFe.BAK", "left=x/y", "gone=z"]  # fmt: skip
    body = "".join(f"{line}\r\n" for line in lines).encode()
    data = body + f"end={len(lines)} {zlib.crc32(body):08X}\r\n".encode()
    report = proof.parse_report(data)
    assert (report.saved, report.left, report.gone) == (("s/Größe.BAK",), ("x/y",), ("z",))
    found = proof.prove(report, payload, "D7F3A21C")
    return found.proved, found.reason, found.kept


@pytest.mark.parametrize("rule", [Overwrite.KEEP, Overwrite.NEVER])
def test_what_was_kept_by_rule_is_named_by_the_proof(rule: Overwrite) -> None:
    assert kept_report(rule) == (True, "", ("s/Save.dat",))


@pytest.mark.parametrize("rule", [Overwrite.CHANGED, Overwrite.ALWAYS])
def test_what_was_kept_against_the_rule_proves_nothing(rule: Overwrite) -> None:
    assert kept_report(rule)[:2] == (False, "SAVE.DAT is not whole on the target")
