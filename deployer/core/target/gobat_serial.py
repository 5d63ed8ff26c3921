r"""GO.BAT for a target without a network: everything comes and goes by ZMODEM in HyperTerminal.

It is the offline GO.BAT with two differences. When parts are missing or bad it does not fetch but
says which file to send back: NEXT.FTP, in which CHECK has listed them as `get PART TEMP` lines, so
the host can send exactly those. And at the end it says which files hold the proof. HyperTerminal
sends one file at a time and is run by a person (facts E1, E2), so each of these is one instruction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from deployer.core.lint import check as lint
from deployer.core.target import gobat
from deployer.core.target.manifest import file_name, own_directory
from deployer.core.target.names import temporary_name
from deployer.model import GO_BAT, OUTPUT_TXT, RESULT_TXT, Manifest

NEXT_FTP = "NEXT.FTP"
MOST_NEXT = 4096
_GET = re.compile("get ([^ ]+) ([^ ]+)")


def render(manifest: Manifest, directory: str) -> bytes:
    """GO.BAT as it is sent. Raises RuntimeError if lint objects to a line of it."""
    lines: list[str] = []
    own = own_directory(directory)
    for block in gobat.blocks(manifest, own, offline=True):
        lines += _changed(block.lines, manifest, own)
    data = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    findings = lint.check(data, name=GO_BAT)
    if findings:
        raise RuntimeError(f"GO.BAT has a mistake: {findings[0]}")
    return data


def _changed(lines: Sequence[str], manifest: Manifest, directory: str) -> list[str]:
    check = f"DEPLOY98 CHECK {file_name(manifest.deployment)}"
    join = f"DEPLOY98 JOIN {file_name(manifest.deployment)}"
    found: list[str] = []
    last = ""
    for line in lines:
        match line:
            case _ if line.startswith("ECHO Deployment "):
                found.append(f"ECHO Deployment {manifest.deployment} over the serial line")
            case _ if line == check:
                found += [":CHECK", line]
            case gobat.COPY_AGAIN:
                found += _more(directory)
            case "IF ERRORLEVEL 1 GOTO FAILED" if (
                last.startswith("IF ERRORLEVEL 2") and join in found
            ):
                found.append("IF ERRORLEVEL 1 GOTO CHECK")
            case _ if line.startswith("ECHO Finished."):
                found += ["ECHO Finished.", *_ask_for_proof(manifest, directory)]
            case _ if line.startswith("ECHO It did not work."):
                found += ["ECHO It did not work.", *_ask_for_proof(manifest, directory)]
            case _ if "Copy the whole directory again" in line:
                found.append("ECHO DEPLOY98.EXE is missing or damaged. Push again on the host.")
            case _:
                found.append(line)
        if line.strip():
            last = line
    return found


def _ask_for_proof(manifest: Manifest, directory: str) -> list[str]:
    files = [RESULT_TXT]
    if manifest.payload.run:
        # The output first: with the result the deployment ends.
        files.insert(0, OUTPUT_TXT)
    return [
        "ECHO Now send to the host, in HyperTerminal: Transfer, Send File, Zmodem:",
        *(f"ECHO   {directory}\\{name}" for name in files),
    ]


def _more(directory: str) -> list[str]:
    return [
        "ECHO Some parts are missing or damaged. In HyperTerminal: Transfer, Send File, Zmodem:",
        f"ECHO   {directory}\\{NEXT_FTP}",
        "ECHO The host then sends just these. When they have come, start GO again.",
    ]


def wanted(next_ftp: bytes, manifest: Manifest) -> tuple[str, ...]:
    """The parts that a NEXT.FTP asks for, in order; only such as the manifest has."""
    known = {part.name for part in manifest.payload.parts}
    found = []
    for line in next_ftp[:MOST_NEXT].decode("latin-1").split("\r\n"):
        match = _GET.fullmatch(line)
        if match is None or match[1] not in known or match[1] in found:
            continue
        if match[2] == temporary_name(match[1]):
            found.append(match[1])
    return tuple(found)
