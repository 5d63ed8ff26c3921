"""What comes with the program: the target's programs, recipes, profiles and the sample model.

In an installed package they lie in `deployer/data`, in a source tree where they are made.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from deployer.core.payload import recipe as recipes
from deployer.core.survey.cases import BatchCase, decided_case
from deployer.core.target import codepages
from deployer.core.target.manifest import MAX_LENGTH
from deployer.errors import ProgramDamaged, WrongUse
from deployer.model import Profile

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "data"
_TREE = _PACKAGE.parent
_IN_TREE = {
    "bin": _TREE / "payloads" / "bin",
    "models": _TREE / "payloads" / "models",
    "recipes": _TREE / "configs" / "recipes",
    "profiles": _TREE / "configs" / "profiles",
    "benches": _TREE / "configs" / "benches",
    "exports": _TREE / "configs" / "exports",
    "batch-cases": _TREE / "tests" / "data" / "batch-cases",
    "decided-cases": _TREE / "tests" / "data" / "decided-cases",
    "surveys": _TREE / "configs" / "surveys",
}


def directory(kind: str) -> Path:
    """Where the resources of a kind lie, such as `bin` or `profiles`."""
    installed = _INSTALLED / kind
    return installed if installed.is_dir() else _IN_TREE[kind]


def program(name: str) -> bytes:
    """A program of ours for the target, checked against SHA256SUMS.

    Raises ProgramDamaged when it is missing or not what was built.
    """
    path = directory("bin") / name
    try:
        data = path.read_bytes()
        sums = (path.parent / "SHA256SUMS").read_text(encoding="ascii")
    except OSError as error:
        raise ProgramDamaged(path=path) from error
    if f"{hashlib.sha256(data).hexdigest()}  {name}" not in sums.splitlines():
        raise ProgramDamaged(path=path)
    return data


def program_path(name: str) -> Path:
    """Path of a program of ours. Raises ProgramDamaged as `program` does."""
    program(name)
    return directory("bin") / name


def exports(library: str) -> frozenset[str]:
    """Names that a DLL of Windows 98, such as `KERNEL32.DLL`, exports; none where no list is."""
    path = directory("exports") / f"{library.lower().removesuffix('.dll')}.tsv"
    if not path.is_file():
        return frozenset()
    rows = path.read_text(encoding="ascii").splitlines()
    return frozenset(row.partition("\t")[0] for row in rows if not row.startswith("#"))


def batch_cases() -> list[BatchCase]:
    """The batch files that were observed on real shells, and those that sources decide."""
    found = []
    for path in sorted(directory("batch-cases").glob("*/expected.json")):
        files = {
            file.relative_to(path.parent).as_posix().replace("/", "\\"): file.read_bytes()
            for file in sorted(path.parent.rglob("*"))
            if file.is_file() and file != path
        }
        found.append(BatchCase(path.parent.name, msgspec.json.decode(path.read_bytes()), files))
    decided = msgspec.json.decode((directory("decided-cases") / "cases.json").read_bytes())
    return found + [decided_case(name, told) for name, told in decided.items()]


def surveyed_settings() -> dict[str, dict[str, dict[str, str]]]:
    """By setting of the simulated PC: what each probe answers that it decides, when it is flipped.

    `python -m benchmarks.survey` makes it.
    """
    path = directory("surveys") / "settings.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, dict[str, str]]])


def sample_model() -> Path:
    """The sample model that comes with the program: stories, in ternary weights."""
    return directory("models") / "campfire158" / "campfire158.l98"


def recipe(name_or_path: str) -> recipes.Recipe:
    """A recipe by name, or the one in a TOML file. Raises WrongUse."""
    if name_or_path.endswith(".toml"):
        return recipes.parse(_table(Path(name_or_path)), name_or_path)
    for path in _toml("recipes"):
        if path.stem == name_or_path:
            return recipes.parse(_table(path), path.name)
    raise WrongUse(
        what=f"--recipe {name_or_path}: there is no such recipe.",
        remedy=f"There are: {', '.join(p.stem for p in _toml('recipes'))}; or give a .toml file.",
    )


def recipe_for(kind: str) -> recipes.Recipe | None:
    """The recipe that runs files of a recognised kind unless told otherwise, or None."""
    for path in _toml("recipes"):
        found = recipes.parse(_table(path), path.name)
        if found.automatic and found.kind == kind:
            return found
    return None


def profile(name: str) -> Profile:
    """What a kind of target can do, by name or from a TOML file. Raises WrongUse."""
    if name.endswith(".toml"):
        return _profile(Path(name))
    for path in _toml("profiles"):
        if path.stem == name:
            return _profile(path)
    raise WrongUse(
        what=f"--profile {name}: there is no such profile.",
        remedy=f"There are: {', '.join(p.stem for p in _toml('profiles'))}; or give a .toml file.",
    )


def _profile(path: Path) -> Profile:
    """Raises WrongUse that names the file; a limit beyond what the helper can handle is one."""
    try:
        found = msgspec.convert(_table(path), Profile)
    except msgspec.ValidationError as error:
        raise WrongUse(what=f"{path}: {error}.", remedy="Correct the profile.") from error
    if not 1 <= found.max_file <= MAX_LENGTH:
        raise WrongUse(
            what=f"{path}: max_file is {found.max_file}, and files of 1 to {MAX_LENGTH} bytes are "
            "possible.",
            remedy="Correct the profile.",
        )
    if found.codepage not in codepages.KNOWN:
        known = ", ".join(map(str, sorted(codepages.KNOWN)))
        raise WrongUse(
            what=f"{path}: codepage is {found.codepage}, which no Windows 98 has.",
            remedy=f"There are: {known}.",
        )
    return found


def _toml(kind: str) -> Iterator[Path]:
    yield from sorted(directory(kind).glob("*.toml"))


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # not TOML, not UTF-8
        raise WrongUse(what=f"{path}: {error}.", remedy="Correct the file.") from error
