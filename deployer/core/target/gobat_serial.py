r"""GO.BAT for a target without a network: everything comes and goes by ZMODEM in HyperTerminal.

It is the offline GO.BAT with two differences. When parts are missing or bad it does not fetch but
says which file to send back: NEXT.FTP, in which CHECK has listed them as `get PART TEMP` lines, so
the host can send exactly those. And at the end it says which files hold the proof. HyperTerminal
sends one file at a time and is run by a person (facts E1, E2), so each of these is one instruction.

In a pull each GO makes one file, PULL.DAT, with all that the host asks for in it, the report too.
What was asked is deleted then: nobody knows what HyperTerminal does with a name that is there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from deployer.core.lint import check as lint
from deployer.core.target import gobat
from deployer.core.target.manifest import file_name, own_directory
from deployer.core.target.names import temporary_name
from deployer.model import GO_BAT, OUTPUT_TXT, PULL_DAT, RESULT_TXT, Manifest

NEXT_FTP = "NEXT.FTP"
MOST_NEXT = 4096
_GET = re.compile("get ([^ ]+) ([^ ]+)")


def render(manifest: Manifest, directory: str) -> bytes:
    """GO.BAT as it is sent. Raises RuntimeError if lint objects to a line of it."""
    lines: list[str] = []
    own = own_directory(directory)
    changed = _changed_for_pull if manifest.payload.gather else _changed
    for block in gobat.blocks(manifest, own, offline=True):
        lines += changed(block.lines, manifest, own)
    data = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    findings = lint.check(data, name=GO_BAT)
    if findings:
        raise RuntimeError(f"GO.BAT has a mistake: {findings[0]}")
    return data


def _changed(lines: Sequence[str], manifest: Manifest, directory: str) -> list[str]:
    check = f"DEPLOY98 CHECK {file_name(manifest.deployment)}"
    join = f"DEPLOY98 JOIN {file_name(manifest.deployment)}"
    # The output first: with the result the deployment ends.
    proof = (OUTPUT_TXT, RESULT_TXT) if manifest.payload.run else (RESULT_TXT,)
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
                found += ["ECHO Finished.", *_now_send(directory, *proof)]
            case _ if line.startswith("ECHO It did not work."):
                found += ["ECHO It did not work.", *_now_send(directory, *proof)]
            case _ if "Copy the whole directory again" in line:
                found.append("ECHO DEPLOY98.EXE is missing or damaged. Push again on the host.")
            case _:
                found.append(line)
        if line.strip():
            last = line
    return found


def _changed_for_pull(lines: Sequence[str], manifest: Manifest, directory: str) -> list[str]:
    ask = gobat.ask_name(manifest.deployment)
    found: list[str] = []
    for line in lines:
        match line:
            case _ if line.startswith("ECHO Deployment "):
                found.append(f"ECHO Pull {manifest.deployment} over the serial line")
            case _ if line == gobat.first_command(manifest):
                found += [f"IF NOT EXIST {ask} GOTO NOASK", "ECHO Reading the files.", line]
            case "IF ERRORLEVEL 1 GOTO MORE":
                found += [line, f"DEL {ask}", f"DEL {manifest.deployment}.LST"]
            case _ if line.startswith("ECHO Finished."):
                found += [
                    "ECHO Finished.",
                    *_now_send(directory, PULL_DAT),
                    "ECHO The host says then that all has come. If not, start GO again.",
                ]
            case gobat.COPY_AGAIN:
                found += [
                    f"DEL {ask}",
                    *_now_send(directory, PULL_DAT),
                    "ECHO HyperTerminal then receives what the host asks for now. Start GO again.",
                ]
            case ":FAILED":
                found += [
                    ":NOASK",
                    "ECHO The host has asked for nothing new.",
                    f"IF EXIST {PULL_DAT} ECHO If it has not got {directory}\\{PULL_DAT}, send it.",
                    "ECHO Else give the same command there again, and start GO again here.",
                    "GOTO END",
                    line,
                ]
            case _ if line.startswith("ECHO It did not work."):
                found += ["ECHO It did not work.", *_now_send(directory, RESULT_TXT)]
            case _ if "Copy the whole directory again" in line:
                found.append("ECHO DEPLOY98.EXE is missing or damaged. Start again on the host.")
            case _:
                found.append(line)
    return found


def _now_send(directory: str, *names: str) -> list[str]:
    return [
        "ECHO Now send to the host, in HyperTerminal: Transfer, Send File, Zmodem:",
        *(f"ECHO   {directory}\\{name}" for name in names),
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
