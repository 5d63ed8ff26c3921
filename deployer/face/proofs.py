"""One proof in full, as people read it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from deployer.core.target.proof import KEPT, how_it_ended, story
from deployer.core.view import Row
from deployer.errors import ProofBroken, SourcesDiffer
from deployer.face import text, words
from deployer.host.requests import Check
from deployer.model import RESULT_TXT, FileProof, Manifest, Proof, Report

ABOUT_PROOF = (RESULT_TXT, "verdict")
"""Checks that a proof rests on; the others are about files of this computer."""


def lines(row: Row, checks: Sequence[Check]) -> tuple[str, ...]:
    """Everything that is known of a deployment's proof, then what was looked at again."""
    at = datetime.datetime.fromtimestamp(row.at, tz=datetime.UTC).astimezone()
    out = [
        f"Deployment {row.deployment} for {words.machine(row.target)}",
        f"staged {at:%Y-%m-%d %H:%M:%S}, {text.size(row.total)}"
        f" in {text.count(len(row.parts), 'part')}",
    ]
    if row.proof is None:
        out.append(f"There is no proof: it is {row.state.value}.")
        out.append(row.reason)
    else:
        out += _proof(row.proof, row.output)
        if row.output.strip() and row.output_path:
            out.append(f"  (all of it: {row.output_path})")
    out += ["", "Looked at again:", *(_check(check) for check in checks)]
    return tuple(out)


def _proof(proof: Proof, output: str) -> list[str]:
    report = proof.report
    out = ["PROVED by the PC." if proof.proved else f"NOT proved: {proof.reason}"]
    if proof.emulated:
        out.append("The PC was the simulated one.")
    out += ["", "Files, as staged here and as found on the PC's own disk:"]
    found = {file.name: file for file in report.files}
    for expected in proof.expected:
        out += _file(expected, found.get(expected.name))
    out += [f"  {line}" for line in words.kept_words(proof)]
    if report.run:
        out += ["", f"Ran: {report.run}", f"     {how_it_ended(report)}"]
    if proof.tokens_per_second is not None:
        out.append(
            f"     {text.tokens_per_second(proof.tokens_per_second, emulated=proof.emulated)}"
        )
    out += ["", "The PC says of itself:"]
    out += [f"  {label}: {value}" for label, value in words.target_words(report)]
    for number in report.rounds:
        out.append(f"  round {number.number}: {number.accepted} parts right, {number.bad} bad")
    if output.strip():
        out += ["", "The program wrote:"]
        out += [f"  {line}" for line in story(output).splitlines()]
    return out


def _file(expected: FileProof, seen: FileProof | None) -> list[str]:
    same = seen is not None and (seen.length, seen.sha256, seen.verdict) == (
        expected.length, expected.sha256, "good",
    )  # fmt: skip
    differs = "KEPT as it was there" if seen is not None and seen.verdict == KEPT else "DIFFERENT"
    lines = [f"  {expected.name}  {'equal' if same else differs}"]
    lines += [f"    here   {expected.length:,} bytes", f"      {expected.sha256}"]
    if seen is None:
        lines.append("    there  missing")
    else:
        lines.append(f"    there  {seen.length:,} bytes, {seen.verdict}")
        lines.append(f"      {seen.sha256 or '-'}")
    return lines


def media_lines(manifest: Manifest, proof: Proof | None) -> tuple[str, ...]:
    """The proof that came back on a disk; None: its code was typed, and it was the right one."""
    if proof is not None:
        return (f"Deployment {manifest.deployment}", *_proof(proof, ""))
    out = [f"Deployment {manifest.deployment}", "PROVED by the code that the PC showed."]
    for file in manifest.payload.files:
        out += [f"  {file.name}  {file.length:,} bytes", f"      {file.sha256}"]
    return tuple(out)


def media_json(deployment: str, proof: Proof | None) -> str:
    """One JSON object; without a report only that the code was right."""
    fields = {
        "deployment": deployment,
        "proved": proof is None or proof.proved,
        "proof": msgspec.to_builtins(proof),
    }
    return json.dumps(fields)


def _check(check: Check) -> str:
    sign = {True: "[ok]", False: "[WRONG]", None: "[?]"}[check.good]
    return f"  {sign} {check.what}: {check.detail}"


def to_json(row: Row, checks: Sequence[Check]) -> str:
    """One JSON object."""
    fields = {
        "deployment": row.deployment,
        "target": row.target,
        "state": row.state.value,
        "proof": msgspec.to_builtins(row.proof),
        "checks": [msgspec.to_builtins(check) for check in checks],
    }
    return json.dumps(fields)


def refuse_broken(row: Row, checks: Sequence[Check]) -> None:
    """Raises for whatever is wrong: ProofBroken for a proof that does not hold any more,
    SourcesDiffer for one that holds, but of files which are others on this computer now.
    """
    wrong = [check for check in checks if check.good is False]
    if not wrong:
        return
    told = "; ".join(f"{check.what}: {check.detail}" for check in wrong)
    if any(check.what in ABOUT_PROOF for check in wrong):
        raise ProofBroken(deployment=row.deployment, why=told)
    raise SourcesDiffer(deployment=row.deployment, why=told)


def summary(rows: Iterable[Row]) -> Iterator[str]:
    """What a machine has shown over all its deployments, the oldest first."""
    seen = proved = 0
    rates: list[float] = []
    speeds: list[float] = []
    last: Report | None = None
    for row in rows:
        seen += 1
        last = row.info or row.report or last
        if row.rate:
            rates.append(row.rate)
        if row.proof and row.proof.proved:
            proved += 1
            if row.proof.tokens_per_second is not None:
                speeds.append(row.proof.tokens_per_second)
    if not seen:
        return
    yield f"{proved} of {text.count(seen, 'deployment')} proved."
    if rates:
        best, last_rate = (text.size(round(rate)) for rate in (max(rates), rates[-1]))
        yield f"Wire: {best}/s at best, last {last_rate}/s."
    if speeds:
        yield f"Engine: {max(speeds):.4g} tok/s at best, last {speeds[-1]:.4g} tok/s."
    if last is not None:
        pairs = ", ".join(f"{label} {value}" for label, value in words.target_words(last))
        yield f"The PC says: {pairs}."
