"""The section COMMAND.COM: batch files that were observed on real shells, as probes.

What is known of each stands in its expected.json, whose form is told in the README beside them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.core.survey.probe import SurveyProbe

HOME = "C:\\T"
"""What the batch files call the folder that they are in."""

UNFIT: Mapping[str, str] = {
    "drives": "it needs a drive D: that may be written to",
    "also-if-exist-kinds": "it asks for a drive D:, which may be a CD drive that is empty",
    "also-if-exist-long-98": "SURVEY.BAT itself has 8.3 names only",
    "also-exit-first": "a probe has a shell of its own, which EXIT ends",
    "also-environment-small": "how much room there is depends on what the PC has put there",
}
"""Cases that are no probes, and why: a survey changes nothing outside its own folder."""

_OF_A_SHELL, _OF_A_LINE = 0.8, 0.05
"""Seconds that a COMMAND.COM takes to start, and a line of a batch file, which is opened anew for
each (facts B2): modelled, on a Pentium II."""

_SETTLES: Mapping[str, str] = {
    "env-overflow": "how much room the environment has depends on what the PC has put there",
}
"""Cases whose answers depend on the PC in a way that nobody can say beforehand."""

_TOLD: Mapping[str, tuple[str, ...]] = {
    "command-c": ("B9",),
    "copy-append": ("B17",),
    "copy-missing-part": ("B16",),
    "copy-y": ("B21",),
    "ctrl-z": ("B37",),
    "env-overflow": ("B22",),
    "if-exist": ("B29",),
    "choice": ("B11", "B12"),
    "line-expanded": ("B1",),
    "line-expanded-crash": ("B1",),
    "line-length": ("B1",),
    "pipes": ("B25",),
}


@dataclass(frozen=True, slots=True)
class BatchCase:
    """One observed case: its name, its expected.json as it was read, and its files."""

    name: str
    told: Mapping[str, Any]
    files: Mapping[str, bytes]


def decided_case(name: str, told: Mapping[str, Any]) -> BatchCase:
    """A case of which a source decides the outcome, in the words of the observed ones."""
    files = {file: text.encode("cp437") for file, text in told["files"].items()}
    text = "".join(told["files"].values())
    after = {
        file: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for file, after in told.get("files_after", {}).items()
        for data in [after.encode("cp437")]
    }
    usual = {"applies_to_98": "likely", "end": "prompt", "output": []}
    tools = [f"{tool}.COM" for tool in ("RC", "TAIL") if re.search(rf"\b{tool}\b", text)]
    whole = {**usual, **told, "files_after": after, "tools": tools}
    return BatchCase(f"also-{name}", whole, files)


def probe_of(case: BatchCase, tools: Mapping[str, bytes]) -> SurveyProbe:
    """The probe that a case makes. `tools` are its helper programs, by their names."""
    told = case.told
    files = {
        **case.files,
        **{name: tools[of] for name, of in told.get("programs", {}).items()},
        **{name: tools[name] for name in told.get("tools", ())},
    }
    decided = told["applies_to_98"] != "no" and case.name not in _SETTLES
    hangs = told["end"] != "prompt"
    lines = sum(data.count(b"\n") for name, data in files.items() if name.endswith(".BAT"))
    return SurveyProbe(
        identity=f"command.{case.name}",
        title=told["title"],
        command=f"%COMSPEC% /E:{told.get('setup', {}).get('env_bytes', 1024)} /C {told['run']}",
        files=files,
        folders=tuple(told.get("setup", {}).get("empty_dirs", ())),
        expected=_expected(told) if decided else {},
        answers=() if decided else ("ends", "OUT.TXT", *sorted(told["files_after"])),
        facts=tuple(dict.fromkeys((*_TOLD.get(case.name, ()), *_numbers(told.get("why", ""))))),
        hangs=hangs,
        full=hangs or not decided or (case.name.startswith("also-") and "only_98" not in told),
        seconds=_OF_A_SHELL + _OF_A_LINE * lines,
    )


def _numbers(why: str) -> Iterable[str]:
    return re.findall(r"\b[A-G][0-9]{1,2}\b", why)


def _expected(told: Mapping[str, Any]) -> dict[str, str]:
    """The answers, as `judge.answers` gives those that were found."""
    found = {"ends": "ran" if told["end"] == "prompt" else "stopped"}
    found["OUT.TXT"] = "".join(f"{line}\n" for line in told["output"])
    for name, file in sorted(told["files_after"].items()):
        if name != "OUT.TXT":
            found[name] = f"{file['size']} {file['sha256']}"
    found["gone"] = " ".join(sorted(told.get("files_gone", ())))
    found["folders"] = " ".join(sorted(told.get("dirs_new", ())))
    return found


_PLACES = (
    (re.compile(rb"CD\\T(?=\r)"), b"CD ", b""),
    (re.compile(rb"C:\\TMP(?=\\)"), b"", b"\\TMP"),
    (re.compile(rb"C:\\TOOLS(?=\\)"), b"", b""),
    (re.compile(rb"(?:C:)?(?<![A-Z0-9.:\\])\\T(?![A-Z0-9.])|C:\\T(?![A-Z0-9.])"), b"", b""),
)


def placed(data: bytes, home: str) -> bytes:
    """A batch file with the folder that it is in instead of `HOME`."""
    there = home.encode("ascii").replace(b"\\", b"\\\\")
    for pattern, before, after in _PLACES:
        data = pattern.sub(before + there + after.replace(b"\\", b"\\\\"), data)
    return data


def unplaced(text: str, home: str) -> str:
    """What a batch file said, with `HOME` instead of the folder that it was in."""
    return re.sub(re.escape(home), lambda _: HOME, text, flags=re.IGNORECASE)
