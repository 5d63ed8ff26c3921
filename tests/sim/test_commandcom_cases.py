"""The simulated COMMAND.COM against batch files that were run on real shells.

The cases lie beside the repository (`tests/data/batch-cases`, whose README says what is in
them). What only MS-DOS 4.00 did shows that the mechanism is right; what holds for Windows 98 must
come out with its dialect.

`tests/data/decided-cases` holds cases in the same words that nobody has observed: each says (`why`)
which fact, note, case or published source decides its outcome. Texts stand in it as they are.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deployer.core.survey.messages import lines, normal
from deployer.sim.commandcom import DOS400, WIN98, Dialect, End, ShellHang
from tests.doscase import ENVIRONMENT, SAYCOM, SAYEXE, World, digest

CASES = Path(__file__).parents[1] / "data" / "batch-cases"
DECIDED: dict[str, dict[str, Any]] = json.loads(
    (CASES.parent / "decided-cases" / "cases.json").read_text("ascii")
)


def shown(text: str) -> list[str]:
    """The lines of a screen that are not empty, without the prompt at the end."""
    found = [line for part in lines(text) for line in part.split("\r")]
    if re.fullmatch(r"[A-Z]:\\[^>]*>", found[-1] if found else ""):
        found.pop()
    return [normal(line) for line in found if line.strip()]


def build(folder: Path, expected: dict[str, Any], root: Path, dialect: Dialect) -> World:
    """The PC as the case finds it."""
    setup = expected.get("setup", {})
    world = World(root, dialect=dialect, env_bytes=setup.get("env_bytes", 1024))
    files = [f for f in sorted(folder.rglob("*")) if f.is_file() and f.name != "expected.json"]
    copies = {"SAYCOM.COM": SAYCOM, "SAYEXE.EXE": SAYEXE}
    for file in sorted(files, key=lambda f: (f.parent != folder, str(f))):
        name = str(file.relative_to(folder)).replace("/", "\\")
        copied = copies.get(expected.get("programs", {}).get(name, ""))
        world.put(name, bytes.fromhex(copied) if copied else file.read_bytes())
    for name in setup.get("empty_dirs", []):
        world.disk.mkdir(f"C:\\T\\{name}")
    return world


def outcome(world: World, line: str) -> dict[str, Any]:
    """What came of a typed line, in the words of expected.json."""
    before = world.snapshot()
    start = len(world.screen.text)
    try:
        end = world.shell.execute(line)
    except ShellHang:
        result = "hang"
    else:
        result = {End.PROMPT: "prompt", End.NO_PROMPT: "no-prompt"}[end]
    after = world.snapshot()
    changed = {n: d for n, d in after.items() if d is not None and before.get(n) != d}
    out = after.get("OUT.TXT") or b""
    return {
        "end": result,
        "output": lines(out.decode("cp437")),
        "files_after": {n: {"size": len(d), "sha256": digest(d)} for n, d in changed.items()},
        "files_gone": sorted(n for n in before if n not in after),
        "dirs_new": sorted(n for n, d in after.items() if d is None and n not in before),
        "console": shown(world.screen.text[start:]),
    }


def wanted(expected: dict[str, Any]) -> dict[str, Any]:
    """The same from expected.json."""
    return {
        "end": expected["end"],
        "output": expected["output"],
        "files_after": expected["files_after"],
        "files_gone": sorted(expected.get("files_gone", [])),
        "dirs_new": sorted(expected.get("dirs_new", [])),
        "console": [line for line in expected.get("console", []) if line.strip()],
    }


def cases() -> list[Any]:
    """Each case with each dialect that it speaks about."""
    found = []
    for path in sorted(CASES.glob("*/expected.json")):
        expected = json.loads(path.read_text())
        if "msdos400" in expected["observed_on"]:
            found.append(pytest.param(path.parent, DOS400, id=f"{path.parent.name}-400"))
        if expected["applies_to_98"] != "no":
            found.append(pytest.param(path.parent, WIN98, id=f"{path.parent.name}-98"))
    return found


@pytest.mark.parametrize(("folder", "dialect"), cases())
def test_case(folder: Path, dialect: Dialect, tmp_path: Path) -> None:
    """The batch file leaves the output and the files that it left on the real shell."""
    expected = json.loads((folder / "expected.json").read_text())
    got = outcome(build(folder, expected, tmp_path, dialect), expected["run"])
    goal = wanted(expected)
    if dialect is WIN98 or "console" not in expected:
        del goal["console"]
    if "OUT.TXT" not in goal["files_after"]:  # it holds messages, whose words are free
        got["files_after"].pop("OUT.TXT", None)
    assert {key: got[key] for key in goal} == goal


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        pytest.param(name, dialect, id=f"{name}-{dialect.name}")
        for name, case in DECIDED.items()
        for dialect in (DOS400, WIN98)
        if dialect is WIN98 or "only_98" not in case
    ],
)
def test_decided_case(name: str, dialect: Dialect, tmp_path: Path) -> None:
    """The batch file does what the published facts and sources say that it does."""
    case = DECIDED[name]
    own = {"windir": "C:\\DOS", "COMSPEC": "C:\\DOS\\COMMAND.COM"} if "of_windows" in case else {}
    world = World(
        tmp_path, dialect=dialect, env_bytes=case.get("env_bytes", 1024),
        environment=ENVIRONMENT | own,
    )  # fmt: skip
    for file, text in case["files"].items():
        world.put(file, text.encode("cp437"))
    got = outcome(world, case["run"])
    changed = [file for file in got["files_after"] if file != "OUT.TXT"]
    assert got | {
        "files_after": {file: world.get(file).decode("cp437") for file in changed},
    } == {
        "end": case.get("end", "prompt"),
        "output": case["output"],
        "files_after": case.get("files_after", {}),
        "files_gone": case.get("files_gone", []),
        "dirs_new": case.get("dirs_new", []),
        "console": got["console"],
    }
