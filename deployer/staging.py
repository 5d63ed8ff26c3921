"""Staging: from the files a user names to a manifest, nothing sent yet.

Part of the service's room: here core's plans meet the edge's measurements.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from deployer.core import batch, modelfile, names, plan, recipe
from deployer.core import manifest as manifests
from deployer.edge import files, resources
from deployer.errors import (
    ModelDamaged,
    OutputExists,
    TokenizerMissing,
    TokenizerUnfit,
    WrongUse,
)
from deployer.model import (
    DEFAULT_HOST_ADDRESS,
    GO_BAT,
    HELPER_EXE,
    Manifest,
    Payload,
    Profile,
    StagedFile,
)

_MOST_TOKENIZER = 16 << 20
_MOST_BATCH = 4 << 20
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. `options` are recipe options that were given, such as `steps`."""

    files: tuple[Path, ...]
    run: str = ""
    recipe: str = ""
    no_run: bool = False
    options: tuple[tuple[str, str], ...] = ()
    part_size: int | None = None
    profile: str = "win98-fat32"


@dataclass(frozen=True, slots=True)
class _Plan:
    """The files in order, the recipe's roles of some of them, and how the payload is launched."""

    paths: tuple[Path, ...]
    roles: dict[str, Path] = field(default_factory=dict)
    recipe: recipe.Recipe | None = None
    programs: frozenset[Path] = frozenset()


def new_identity() -> str:
    """A deployment id: `D` and seven hex digits, which is also a base name on the target."""
    return f"D{secrets.randbelow(16**7):07X}"


def new_token() -> str:
    """The password of one deployment: letters that are not mistaken for one another."""
    return "".join(secrets.choice(_LETTERS) for _ in range(10))


def stage(
    request: Request,
    *,
    host: str = DEFAULT_HOST_ADDRESS,
    progress: Callable[[int], None] = lambda _bytes: None,
) -> Manifest:
    """Measure, cut and name the files; decide what is launched. Reads each file once.

    `progress` is told the bytes of each block read. Raises the errors of wrong input.
    """
    profile = resources.profile(request.profile)
    chosen = _choose(request)
    if request.no_run and request.options:
        raise WrongUse(
            what=f"--{request.options[0][0]} has no effect with --no-run.",
            remedy="Leave one of them out.",
        )
    staged = _stage_files(chosen, request.part_size, profile, progress)
    identity = new_identity()
    payload = Payload(
        tuple(staged),
        "" if request.no_run else _command(request, chosen, staged),
        chosen.recipe.name if chosen.recipe else "files",
    )
    return Manifest(identity, host, identity, new_token(), payload)


def sample_model() -> Path:
    """The sample model that comes with the program."""
    return resources.sample_model()


def inspect(path: Path) -> modelfile.Checkpoint:
    """The shape of a model file. Raises ModelDamaged for a cut one, WrongUse for any other file."""
    length = files.length_of(path)
    head = files.read_bounded(path, modelfile.HEADER.size)
    shape = modelfile.recognise(head, length)
    if shape is None:
        _model_among([path])
        raise WrongUse(
            what=f"{path}: this is no llama2.c model (its length does not fit its header).",
            remedy="Models of other formats can be sent as files, with --run or --no-run.",
        )
    return shape


@dataclass(frozen=True, slots=True)
class Outline:
    """What a request would send: its files in order, what each is, the model among them."""

    paths: tuple[Path, ...]
    roles: dict[Path, str]
    recipe: str = ""
    model: Path | None = None

    @property
    def model_name(self) -> str:
        """Name of the model's file, "" for none."""
        return self.model.name if self.model else ""


def outline(request: Request) -> Outline:
    """What the request would send, from names and headers alone. Raises as `stage` does."""
    chosen = _choose(request)
    roles = dict.fromkeys(chosen.programs, "program of ours")
    roles |= {path: role for role, path in chosen.roles.items()}
    return Outline(
        chosen.paths,
        roles,
        chosen.recipe.name if chosen.recipe else "",
        chosen.roles.get("model"),
    )


def planned_bytes(request: Request) -> int:
    """Bytes that staging will read, for progress. Raises as `stage` does for missing files."""
    return sum(files.length_of(path) for path in request.files)


def _choose(request: Request) -> _Plan:
    paths = tuple(dict.fromkeys(request.files))
    for path in paths:
        files.length_of(path)
    if request.no_run or request.run:
        return _Plan(paths)
    if request.recipe:
        chosen = resources.recipe(request.recipe)
        model = _model_among(paths) if chosen.kind == "llama2.c" else None
        if chosen.kind == "llama2.c" and model is None:
            raise WrongUse(
                what=f"--recipe {request.recipe} needs a llama2.c model; {paths[0]} is none.",
                remedy="Name the model file, or use --no-run to send the files only.",
            )
        return _with_recipe(paths, chosen, model or paths[0])
    model = _model_among(paths)
    found = resources.recipe_for("llama2.c") if model else None
    if model is None or found is None:
        return _Plan(paths)
    return _with_recipe(paths, found, model)


def _model_among(paths: Sequence[Path]) -> Path | None:
    for path in paths:
        head, length = files.read_bounded(path, modelfile.HEADER.size), files.length_of(path)
        if modelfile.recognise(head, length):
            return path
        cut = modelfile.looks_cut(head, length) if path.suffix.lower() == ".bin" else None
        if cut:
            raise ModelDamaged(
                path=path,
                why=f"its header says {cut.file_length} bytes, but the file has {length}: "
                "it was cut off",
            )
    return None


def _with_recipe(paths: tuple[Path, ...], chosen: recipe.Recipe, model: Path) -> _Plan:
    roles = {"model": model}
    if "tokenizer" in chosen.companions:
        roles["tokenizer"] = _tokenizer(model, paths)
    programs = tuple(resources.program_path(name) for name in chosen.programs)
    everything = tuple(dict.fromkeys([*programs, *paths, *roles.values()]))
    return _Plan(everything, roles, chosen, frozenset(programs))


def _tokenizer(model: Path, given: Sequence[Path]) -> Path:
    """The tokenizer among the given files, else the one beside the model."""
    head = files.read_bounded(model, modelfile.HEADER.size)
    shape = modelfile.read_header(head)
    assert shape is not None
    for path in given:
        if path != model and (size := _tokens(path)) is not None:
            if size != shape.vocabulary:
                raise TokenizerUnfit(
                    path=path,
                    model=model.name,
                    why=f"it has {size} tokens, the model {shape.vocabulary}",
                )
            return path
    wanted = modelfile.tokenizer_names(model.name, shape.vocabulary)
    for name in wanted:
        if _tokens(model.parent / name) == shape.vocabulary:
            return model.parent / name
    raise TokenizerMissing(path=model, tried=", ".join(wanted))


def _tokens(path: Path) -> int | None:
    if not path.is_file() or path.stat().st_size > _MOST_TOKENIZER:
        return None
    return modelfile.tokenizer_size(files.read_bounded(path, _MOST_TOKENIZER))


def _stage_files(
    chosen: _Plan, part_size: int | None, profile: Profile, progress: Callable[[int], None]
) -> list[StagedFile]:
    short = names.assign([path.name for path in chosen.paths])
    staged = []
    for path, name in zip(chosen.paths, short, strict=True):
        length = files.length_of(path)
        plan.refuse_too_large(str(path), length, profile)
        size = plan.choose_part_size(length, part_size, str(path))
        measured = files.measure(path.resolve(), size, progress)
        staged.append(
            StagedFile(
                source=measured.path,
                name=name.name,
                long_name=path.name,
                length=measured.length,
                sha256=measured.sha256,
                parts=plan.parts_of(name, measured.length, size, measured.crcs),
                mtime_ns=measured.mtime_ns,
            )
        )
    return staged


def _command(request: Request, chosen: _Plan, staged: Sequence[StagedFile]) -> str:
    by_path = dict(zip(chosen.paths, (file.name for file in staged), strict=True))
    if request.run:
        if request.options:
            raise WrongUse(
                what=f"--{request.options[0][0]} belongs to a recipe, not to --run.",
                remedy="Write the program's own options into --run.",
            )
        by_long_name = {path.name: name for path, name in by_path.items()}
        return recipe.checked(plan.translate_command(request.run, by_long_name))
    if chosen.recipe is None:
        if request.options:
            raise WrongUse(
                what=f"--{request.options[0][0]} has no effect: no llama2.c model is among the "
                "files.",
                remedy="Name the model file first, or leave the option out.",
            )
        return ""
    roles = {role: by_path[path] for role, path in chosen.roles.items()}
    return recipe.command(chosen.recipe, roles, request.options)


def write_out(
    request: Request, out: Path, directory: str, *, host: str | None, login: tuple[str, str]
) -> list[tuple[str, int]]:
    """Write everything the target needs into `out`; names and lengths of what was written.

    Without `host` the files are whole and GO.BAT uses no FTP; with it they are cut into parts, and
    GO.BAT fetches them from that server with `login` (name, password). Raises OutputExists.
    """
    files.make_directory(out)
    if any(out.iterdir()):
        raise OutputExists(path=out)
    manifest = stage(request, host=host or DEFAULT_HOST_ADDRESS)
    if host:
        manifest = replace(manifest, login=login[0], token=login[1])
    generated = {
        GO_BAT: batch.render(manifest, directory, offline=host is None),
        HELPER_EXE: resources.program(HELPER_EXE),
        manifests.file_name(manifest.deployment): manifests.render(manifest),
    }
    for name, data in generated.items():
        files.write_atomically(out / name, data)
    written = [(name, len(data)) for name, data in generated.items()]
    for file in manifest.payload.files:
        pieces = [(p.name, p.offset, p.length) for p in file.parts]
        for name, offset, length in pieces if host else [(file.name, 0, file.length)]:
            files.copy_slice(Path(file.source), offset, length, out / name)
            written.append((name, length))
    return written


def read_text_file(path: Path) -> bytes:
    """A batch file's bytes. Raises FileMissing, FileUnreadable, or WrongUse when it is too long."""
    data = files.read_bounded(path, _MOST_BATCH + 1)
    if len(data) > _MOST_BATCH:
        raise WrongUse(
            what=f"{path}: longer than {_MOST_BATCH} bytes; that is no batch file.",
            remedy="Name a .BAT file.",
        )
    return data
