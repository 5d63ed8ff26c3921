"""What the target reported, and what it is worth.

RESULT.TXT is lines of `key=value`. A claim of success counts only when the closing line
(`end=<lines> <crc32>`) is right, the deployment is ours, and every file was found with the staged
length and SHA-256; a claim of failure needs no seal.
"""

from __future__ import annotations

import itertools
import re
import sys
import zlib
from collections.abc import Sequence
from enum import Enum
from urllib.parse import unquote

from deployer.core.target import codepages
from deployer.core.target.names import part_number
from deployer.core.target.program import is_batch
from deployer.model import FileProof, Overwrite, Payload, Proof, Report, Round

_DISK_FULL, _NOT_STARTED = 3, 6
"""Exit codes of the helper (`gobat.HELPER_CODES`)."""
_MOST_PARTS = 999
_NUMBER = re.compile("[0-9]{1,15}")
_SHA256 = re.compile("[0-9a-f]{64}")
_RANGE = re.compile(r"(?<![^, ])([0-9]{1,4})(?:-([0-9]{1,4})?)?(?![^, ])")
KEPT = "kept"
DONE = ("good", KEPT)
"""Verdicts on a file for which nothing has to come any more."""
_KEEPS = (Overwrite.KEEP, Overwrite.NEVER)
_SPEED = re.compile(r"tok/s[=: ]+([0-9]+(?:\.[0-9]+)?)")


def parse_report(data: bytes) -> Report:
    """The report that the bytes of RESULT.TXT or INFO.TXT make. Never raises; unknown keys pass."""
    pairs = [
        (key.strip(), value.strip())
        for key, mark, value in (
            line.partition("=") for line in data.decode("ascii", "replace").splitlines()
        )
        if mark
    ]
    first = dict(reversed(pairs))

    def number(key: str) -> int | None:
        return _number(first.get(key, ""))

    seconds = first.get("run_seconds", "")
    ansi, _, oem = first.get("codepage", "").partition(" ")
    page = _number(ansi)
    return Report(
        deployment=first.get("deployment", ""),
        sealed=_sealed(data),
        command=first.get("command", ""),
        exit_code=number("exit"),
        reason=first.get("reason", ""),
        failed=first.get("failed", ""),
        helper=first.get("helper", ""),
        system=first.get("system", ""),
        cpu=first.get("cpu", ""),
        cpu_mhz=number("cpu_mhz"),
        cpu_features=first.get("cpu_features", ""),
        memory=number("memory"),
        disk_free=number("disk_free"),
        disk_cluster=number("disk_cluster"),
        codepage=page,
        oem_codepage=_number(oem),
        files=tuple(f for key, value in pairs if key == "file" and (f := _file(value))),
        have=tuple(_two(value) for key, value in pairs if key == "have"),
        bad=tuple((n, c) for n, text in _values(pairs, "bad") if (c := _number(text)) is not None),
        rounds=tuple(r for key, value in pairs if key == "round" and (r := _round(value))),
        run=first.get("run", ""),
        run_exit=number("run_exit"),
        run_seconds=float(seconds) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", seconds) else None,
        output_bytes=number("output_bytes"),
        output_whole=first.get("output", "whole") == "whole",
        left=_places(pairs, "left", page),
        gone=_places(pairs, "gone", page),
        saved=_places(pairs, "bak", page),
    )


def judge(report: Report, payload: Payload, deployment: str) -> tuple[bool, str]:
    """Whether the report proves the payload, and the reason when it does not."""
    if report.deployment != deployment:
        return False, f"the report is about {report.deployment or 'nothing'}, not {deployment}"
    if report.failed:
        return False, stopped(report.failed)
    if not report.sealed:
        return False, "the report was cut off or mangled on its way"
    if payload.gather:
        done = (report.command, report.exit_code) == ("GATHER", 0)
        return done, "" if done else report.reason or "the PC did not send all of it"
    if letter := _other_letter(report, payload):
        return False, (
            f"the PC has code page {report.codepage}, in which {letter} is another letter; "
            f"give a profile with codepage = {report.codepage}"
        )
    found = {file.name: file for file in report.files}
    for file in payload.files:
        seen = found.get(file.name)
        if seen is not None and seen.verdict == KEPT and payload.overwrite in _KEEPS:
            continue
        if seen is None or seen.verdict != "good":
            return False, report.reason or f"{file.name} is not whole on the target"
        if (seen.length, seen.sha256) != (file.length, file.sha256):
            return False, f"{file.name} on the target is not what was sent (its SHA-256 differs)"
    if not payload.run:
        return (True, "") if report.exit_code == 0 else (False, report.reason or "JOIN failed")
    if report.command != "RUN" or report.run_exit is None:
        return False, report.reason or "the program was not started"
    if report.run_exit != 0:
        return False, report.reason or f"the program ended with exit code {report.run_exit}"
    if report.exit_code != 0:  # after the program something went wrong, the helper says
        return False, report.reason or f"the helper ended with {report.exit_code}"
    return True, ""


def _other_letter(report: Report, payload: Payload) -> str:
    """A letter of a place that the target read as another, since its code page is another."""
    sent = codepages.ansi(payload.codepage)
    if report.codepage not in codepages.KNOWN or report.codepage == sent:
        return ""
    letters = dict.fromkeys("".join(f.place for f in payload.files if not f.place.isascii()))
    here = ((c, codepages.encode(c, sent), codepages.encode(c, report.codepage)) for c in letters)
    return next((c for c, was, now in here if was != now), "")


def kept(report: Report, payload: Payload) -> tuple[str, ...]:
    """The places of the files that the target kept as they were there."""
    names = {file.name for file in report.files if file.verdict == KEPT}
    return tuple(file.place or file.name for file in payload.files if file.name in names)


def stopped(why: str) -> str:
    """What GO.BAT says by `failed=` in a report of its own, in words."""
    return f"GO.BAT stopped: {_FAILED.get(why, why)}"


class Failure(Enum):
    """What became of a payload that was not proved."""

    NOT_VERIFIED = "some file is not what was sent, or nobody knows"
    DISK_FULL = "there was no room for it"
    NOT_STARTED = "every file is verified; Windows would not start the program"
    PROGRAM_FAILED = "every file is verified; the program failed, or was stopped"


def failure(proof: Proof) -> Failure:
    """Why a proof does not hold; for one that says `proved`, ValueError."""
    if proof.proved:
        raise ValueError(f"{proof.deployment} is proved")
    report = proof.report
    if whole(proof.verified or report, proof.expected):
        if proof.verified is not None:
            return Failure.PROGRAM_FAILED
        if report.sealed and report.command == "RUN":
            started = report.exit_code != _NOT_STARTED or report.run_exit is not None
            return Failure.PROGRAM_FAILED if started else Failure.NOT_STARTED
    if report.failed == "FULL" or report.exit_code == _DISK_FULL:
        return Failure.DISK_FULL
    return Failure.NOT_VERIFIED


def whole(report: Report, expected: Sequence[FileProof]) -> bool:
    """True when the report found every file as it was staged, or kept what was there."""
    found = {file.name: file for file in report.files}
    return all(
        (seen := found.get(file.name)) == file or (seen is not None and seen.verdict == KEPT)
        for file in expected
    )


def prove(
    report: Report,
    payload: Payload,
    deployment: str,
    *,
    before: Report | None = None,
    output: str = "",
    emulated: bool = False,
) -> Proof:
    """The proof that a report makes of a payload. `output` is what the program printed.

    `before` is the report that came before it. When that was JOIN's, and now GO.BAT says by itself
    that the helper left none, the files are verified and only the program's end is not known.
    """
    proved, reason = judge(report, payload, deployment)
    verified = None
    joined = (
        before is not None and before.sealed and (before.command, before.exit_code) == ("JOIN", 0)
    )
    if report.failed and before and joined and whole(before, expectation(payload)):
        verified = before
        reason = f"every file is verified, but the program did not report its end: {reason}"
    return Proof(
        deployment=deployment,
        proved=proved,
        reason=reason,
        report=report,
        expected=expectation(payload),
        tokens_per_second=tokens_per_second(output) if payload.run else None,
        emulated=emulated,
        verified=verified,
        kept=kept(verified or report, payload),
    )


def how_it_ended(report: Report) -> str:
    """How the program on the target ended, and what that is worth; "" when none was started."""
    if not report.run:
        return ""
    took = f" after {report.run_seconds} s" if report.run_seconds is not None else ""
    if report.run_exit is None:
        return f"never ended{took}"
    if report.run_exit == 0 and is_batch(report.run, [file.name for file in report.files]):
        return f"ended{took}; {_OF_A_BATCH_FILE}"
    return f"exit code {report.run_exit}{took}"


_OF_A_BATCH_FILE = "COMMAND.COM's exit code is always 0, so only the output shows whether it worked"


def parts_here(report: Report, payload: Payload) -> frozenset[str]:
    """Names of the parts that the target had when it wrote this, joined into their file or not."""
    whole = {file.name for file in report.files if file.verdict in DONE}
    told = dict(report.have)
    have = {file.name: numbers_of(told.get(file.name, "")) for file in payload.files}
    open_packs = {file.pack for file in payload.files if file.name not in whole}
    packs = frozenset(
        pack.name
        for pack in payload.packs
        if pack.name not in open_packs
        or part_number(pack.name) in numbers_of(told.get(pack.name.partition(".")[0], ""))
    )
    return packs | frozenset(
        part.name
        for file in payload.files
        for number, part in enumerate(file.parts, 1)
        if file.name in whole or number in have[file.name]
    )


def expectation(payload: Payload) -> tuple[FileProof, ...]:
    """What the target has to find."""
    return tuple(FileProof(f.name, f.length, f.sha256, "good") for f in payload.files)


def tokens_per_second(output: str) -> float | None:
    """The speed that an engine printed in its last lines, or None."""
    found = _SPEED.findall(output[-2000:])
    return float(found[-1]) if found else None


def story(output: str) -> str:
    """What the model wrote: the output without the engine's own last line."""
    body, _, last = output.rstrip("\r\n").rpartition("\n")
    return body.rstrip("\r\n") if _SPEED.search(last) else output


_FAILED = {
    "HELPER": "the helper did not arrive whole or did not start",
    "FTP": "there is no FTP.EXE",
    "DIR": "its directory cannot be made",
    "STOPPED": "the helper left no report: it was stopped, GO.BAT is damaged, or the disk is full",
    "FULL": "its disk is full, there was no room even for its report; make room there",
}


def _sealed(data: bytes) -> bool:
    if not data.endswith(b"\r\n"):
        return False
    body, _, end = data[:-2].rpartition(b"\r\n")
    body += b"\r\n"
    match = re.fullmatch(rb"end=([0-9]{1,6}) ([0-9A-F]{8})", end)
    return bool(
        match and int(match[1]) == body.count(b"\r\n") and int(match[2], 16) == zlib.crc32(body)
    )


def _number(text: str) -> int | None:
    """A number of at most 15 digits; longer ones mean nothing, and int() refuses some of them."""
    return int(text) if _NUMBER.fullmatch(text) else None


def numbers_of(text: str) -> frozenset[int]:
    """Numbers of parts, 1 to 999, in a list such as `1-16,18`; what is none is passed over.

    A list that names more numbers than there are is read so far: it comes from the other side.
    """
    numbers = (
        number
        for match in _RANGE.finditer(text)
        for number in range(int(match[1]), min(int(match[2] or match[1]), _MOST_PARTS) + 1)
    )
    return frozenset(itertools.islice(numbers, _MOST_PARTS + 1)) - {0}


def _values(pairs: Sequence[tuple[str, str]], key: str) -> list[tuple[str, str]]:
    return [_two(value) for k, value in pairs if k == key]


def _places(pairs: Sequence[tuple[str, str]], key: str, page: int | None) -> tuple[str, ...]:
    known = page if page in codepages.KNOWN else codepages.WESTERN
    return tuple(unquote(value, f"cp{known}", "replace") for k, value in pairs if k == key)


def _two(value: str) -> tuple[str, str]:
    first, _, rest = value.partition(" ")
    return first, rest


def _file(value: str) -> FileProof | None:
    fields = value.split(" ")
    length = _number(fields[1]) if len(fields) == 4 else None
    if length is None:
        return None
    sha256 = fields[2] if _SHA256.fullmatch(fields[2]) else ""
    return FileProof(fields[0], length, sha256, sys.intern(fields[3]))


def _round(value: str) -> Round | None:
    match [_number(field) for field in value.split(" ")]:
        case [int(number), int(accepted), int(bad)]:
            return Round(number, accepted, bad)
        case _:
            return None
