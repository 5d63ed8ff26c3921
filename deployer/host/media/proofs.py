"""The proof that comes back on a disk, in a folder, or as a code that somebody typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deployer.core.media import code, fat12
from deployer.core.target import manifest, proof
from deployer.edge import files
from deployer.errors import FileUnreadable, ProofMissing, WrongUse
from deployer.model import RESULT_TXT, Manifest, Proof

_MANIFEST = re.compile(r"D[0-9A-F]{7}\.MAN")
_MOST = 16 << 20
_ISO_AT, _ISO = 32769, b"CD001"


@dataclass(frozen=True, slots=True)
class _Found:
    """What of a deployment was found on media."""

    manifests: dict[str, bytes]
    results: list[bytes]


def read(path: Path, typed: str = "") -> tuple[Manifest, Proof | None]:
    """The deployment that a folder, an image or a folder of images carries, and its proof.

    With a code that was `typed` there is no report: None, and the code was right. Raises
    FileMissing, FileUnreadable, WrongUse where there is no manifest, or two, ProofMissing where no
    report came back, and for a code that is another deployment's.
    """
    found = _Found({}, [])
    _look(path, found)
    if len(found.manifests) != 1:
        named = ", ".join(sorted(found.manifests)) or "none"
        raise WrongUse(
            what=f"{path}: one deployment is needed there; found: {named}.",
            remedy="Name what `deployer stage` wrote, or the disk that came back with all of it.",
        )
    ((name, data),) = found.manifests.items()
    try:
        staged = manifest.parse(data, None)
    except ValueError as error:
        raise FileUnreadable(path=path / name, why=str(error)) from error
    if typed:
        if not code.same(typed, code.of(data)):
            raise ProofMissing(deployment=staged.deployment, why=f"{typed} is not its code")
        return staged, None
    reports = map(proof.parse_report, found.results)
    proofs = [
        proof.prove(report, staged.payload, staged.deployment)
        for report in reports
        if report.deployment == staged.deployment
    ]
    if proofs:
        return staged, next((found for found in proofs if found.proved), proofs[-1])
    raise ProofMissing(deployment=staged.deployment, why=f"no {RESULT_TXT} of it is there")


def _look(path: Path, found: _Found) -> None:
    if path.is_dir():
        for inner in sorted(path.iterdir()):
            if inner.suffix.lower() in (".img", ".ima", ".iso"):
                _look(inner, found)
            elif _MANIFEST.fullmatch(inner.name.upper()) or inner.name.upper() == RESULT_TXT:
                _take({inner.name.upper(): files.read_bounded(inner, _MOST)}, found)
        return
    head = files.read_bounded(path, _ISO_AT + len(_ISO))
    if head[_ISO_AT:] == _ISO:
        from deployer.edge import iso  # noqa: PLC0415 - its library, only for who reads a CD

        _take(iso.small_files(path), found)
        return
    if path.name.upper() == RESULT_TXT:
        _look(path.parent, found)
        return
    try:
        _take(fat12.files_of(files.read_bounded(path, _MOST)), found)
    except ValueError as error:
        raise FileUnreadable(path=path, why=str(error)) from error


def _take(content: dict[str, bytes], found: _Found) -> None:
    for name, data in content.items():
        if _MANIFEST.fullmatch(name):
            found.manifests[name] = data
        elif name == RESULT_TXT:
            found.results.append(data)
