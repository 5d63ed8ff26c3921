"""Staging: from the files a user names to a manifest, nothing sent yet.

Part of the service's room: here core's plans meet the edge's measurements.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deployer.core.payload import modelfile, plan, recipe
from deployer.core.target import codepages, dates, gobat, names, places, program
from deployer.core.target import manifest as manifests
from deployer.core.target.manifest import MAX_LENGTH
from deployer.edge import files, imports, resources
from deployer.edge.choose import CONTAINER, LLAMA2C, Choice, choose, length_of, model_among
from deployer.edge.folders import Item
from deployer.errors import (
    DeployerError,
    FileChanged,
    OutputExists,
    ProgramForeign,
    ProgramUnknown,
    SimulatorCannotPlay,
    WrongUse,
)
from deployer.host.pull import kept
from deployer.host.requests import Request
from deployer.model import (
    DEFAULT_HOST_ADDRESS,
    DEFAULT_TARGET_DIRECTORY,
    GO_BAT,
    HELPER_EXE,
    Manifest,
    Overwrite,
    Part,
    Payload,
    Piece,
    Profile,
    Slices,
    StagedFile,
)

_MOST_BATCH = 4 << 20
_MOST_NAMED, _MOST_LETTERS = 3, 12
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def new_identity() -> str:
    """A deployment id: `D` and seven hex digits, which is also a base name on the target.

    The last is never F: in the list of what was delivered, "F " means a file to GO.BAT's FIND.
    """
    return f"D{secrets.randbelow(16**6):06X}{secrets.randbelow(15):X}"


def new_token() -> str:
    """The password of one deployment: letters that are not mistaken for one another."""
    return "".join(secrets.choice(_LETTERS) for _ in range(10))


def stage(
    request: Request,
    *,
    host: str = DEFAULT_HOST_ADDRESS,
    progress: Callable[[int], None] = lambda _bytes: None,
    once: Once | None = None,
    beside: Sequence[Path] = (),
    packs: bool = True,
) -> Manifest:
    """Measure, cut and name the files; decide what is launched. Reads each file once.

    The files `beside` go too, whatever the request is about. Without `packs` small files do not
    travel together: where each is copied by hand, each is named when it is damaged.

    `progress` is told the bytes of each block read. With `once`, files that it knows unchanged are
    not read again. Raises the errors of wrong input.
    """
    identity = new_identity()
    if request.gather is not None:
        note = f"{request.gather.source} comes to {request.gather.folder}"
        page = profile_of(request).codepage
        payload = Payload((), "", "pull", (note,), gather=request.gather, codepage=page)
        return Manifest(identity, host, identity, new_token(), payload)
    if request.clean:
        page = profile_of(request).codepage
        payload = Payload((), recipe="clean", delete=True, codepage=page)
        return Manifest(identity, host, identity, new_token(), payload)
    chosen = _choose(request)
    chosen = replace(chosen, items=(*chosen.items, *map(Item, beside)))
    if request.no_run and request.options:
        raise WrongUse(
            what=f"--{request.options[0][0]} has no effect with --no-run.",
            remedy="Leave one of them out.",
        )
    profile = profile_of(request)
    if once is not None:
        staged, notes = once.stage_items(chosen, request, profile, progress)
    else:
        staged, notes = _stage_items(chosen, request, profile, progress, packs=packs)
    payload = Payload(
        tuple(staged),
        "" if request.no_run else _command(request, chosen, staged),
        chosen.recipe.name if chosen.recipe else "files",
        tuple(notes),
        packs=plan.packs_of(staged),
        directories=_spelt(chosen.empty, profile),
        overwrite=request.overwrite,
        delete=request.delete,
        codepage=profile.codepage,
    )
    plan.refuse_too_many(payload)
    return Manifest(identity, host, identity, new_token(), payload)


_Measured = tuple[list[StagedFile], list[str]]
_MOST_KNOWN, _KNOWN_FOR = 64, 600.0


class Once:
    """Remembers what has been measured, so that one payload for many targets is read once.

    Known is what has the same paths and the same stamps, and only what was settled when it was
    measured: else it is measured again. Nothing is known for long, for who writes through a mapping
    of the file into memory may leave its stamp as it was. Many threads may use it; of two that want
    the same, one measures and the other waits.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._known: dict[bytes, tuple[float, _Measured]] = {}
        self._lock = threading.Lock()
        self._clock = clock

    def stage_items(
        self, chosen: Choice, request: Request, profile: Profile, progress: Callable[[int], None]
    ) -> _Measured:
        """What `_stage_items` gives, from memory where it can."""
        with self._lock:
            key = _key(chosen, request, profile)
            now = self._clock()
            at, known = self._known.get(key, (now, None))
            if known is not None and now - at < _KNOWN_FOR:
                return known
            measured = _stage_items(chosen, request, profile, progress)
            if all(file.settled for file in measured[0]):
                self._known.pop(key, None)
                while len(self._known) >= _MOST_KNOWN:
                    self._known.pop(next(iter(self._known)))
                self._known[key] = now, measured
            return measured


def _key(chosen: Choice, request: Request, profile: Profile) -> bytes:
    """A digest of all that decides what `_stage_items` gives: it is kept, however many files."""
    roles = {item: role for role, item in chosen.roles.items()}
    key = hashlib.sha256(repr((request.part_size, request.dates, profile)).encode())
    for item in chosen.items:
        stamp, started = files.stamp_of(item.path.stat()), _is_started(item, chosen, request)
        key.update(repr((item, stamp, roles.get(item), started)).encode())
    return key.digest()


def again(manifest: Manifest) -> Manifest:
    """The same payload from its files as they are now, under a new identity.

    Raises the errors of wrong input, FileMissing for a file that is gone.
    """
    before = manifest.payload
    sizes = [file.parts[0].length for file in before.files if len(file.parts) > 1]
    items = dict.fromkeys(Item(Path(file.source), _whole_place(file)) for file in before.files)
    pieces = [file.piece for file in before.files if file.piece and file.piece.number == 2]
    most = max((piece.start for piece in pieces), default=MAX_LENGTH)
    profile = Profile("as before", most, codepage=before.codepage)
    dated = not before.files or any(file.date for file in before.files)
    request = Request((), part_size=max(sizes, default=None), dates=dated)
    staged, notes = _stage_items(Choice(tuple(items)), request, profile, lambda _bytes: None)
    payload = replace(before, files=tuple(staged), notes=tuple(notes), packs=plan.packs_of(staged))
    identity = new_identity()
    return Manifest(identity, manifest.host, identity, new_token(), payload)


def _whole_place(file: StagedFile) -> str:
    return file.place.rpartition(".")[0] if file.piece else file.place


def unchanged(manifest: Manifest) -> bool:
    """Whether every file is still as it was measured; read again where its stamp is not enough."""
    return not changed(manifest.payload)


def changed(payload: Payload, *, reading: bool = False) -> str:
    """The source of the first file that is not what was measured any more, or gone; "" for none.

    A stamp that is the same will do for a file that was settled when it was measured; all others,
    and with `reading` every one, are read through.
    """
    for file in payload.files:
        try:
            same = files.stamp_of(Path(file.source).stat()) == file.stamp
            if (reading or not (same and file.settled)) and not _is_as_measured(file):
                return file.source
        except (OSError, DeployerError):
            return file.source
    return ""


def _is_as_measured(file: StagedFile) -> bool:
    size = file.parts[0].length if file.parts else max(file.length, 1)
    path = Path(file.source)
    if files.length_of(path, empty_allowed=True) != file.source_length:
        return False
    now = files.measure(path, size, start=file.start, length=file.length)
    return now.sha256 == file.sha256


def sample_model() -> Path:
    """The sample model that comes with the program."""
    return resources.sample_model()


def inspect(path: Path) -> modelfile.Checkpoint:
    """The shape of a model file. Raises ModelDamaged for a cut one, WrongUse for any other file."""
    length = files.length_of(path)
    head = files.read_bounded(path, modelfile.HEADER.size)
    shape = modelfile.recognise(head, length)
    if shape is None:
        model_among([Item(path)])
        raise WrongUse(
            what=f"{path}: this is no llama2.c model (its length does not fit its header).",
            remedy="Models of other formats can be sent as files, with --run or --no-run.",
        )
    return shape


@dataclass(frozen=True, slots=True)
class Outline:
    """What a request would send: its files in order with bytes, what each is, the model."""

    paths: tuple[Path, ...]
    lengths: tuple[int, ...]
    roles: dict[Path, str]
    recipe: str = ""
    model: Path | None = None
    options: tuple[tuple[str, str], ...] = ()


def outline(request: Request) -> Outline:
    """What the request would send, from names and headers alone. Raises as `stage` does."""
    chosen = _choose(request)
    roles = dict.fromkeys(chosen.programs, "program of ours")
    roles |= {item.path: role for role, item in chosen.roles.items()}
    recognised = chosen.recipe is not None and chosen.recipe.kind in (LLAMA2C, CONTAINER)
    model = chosen.roles.get("model") if recognised else None
    return Outline(
        tuple(item.path for item in chosen.items),
        tuple(length_of(item) for item in chosen.items),
        roles,
        chosen.recipe.name if chosen.recipe else "",
        model.path if model else None,
        _options(request, chosen),
    )


def _choose(request: Request) -> Choice:
    chosen = choose(request.files, request.recipe, bare=request.no_run or bool(request.run))
    if request.run and not request.no_check:
        _refuse_unfit_program(request.run, chosen.items)
    return chosen


def _refuse_unfit_program(command: str, items: Sequence[Item]) -> None:
    """Raises ProgramUnknown and ProgramForeign for what Windows 98 would not start."""
    long_names = [item.place or item.path.name for item in items]
    short_names = [short.name for short in names.assign(long_names)]
    sent = dict(zip(short_names, items, strict=True)) | dict(zip(long_names, items, strict=True))
    found = program.find(command, sent)
    word = program.program(command)
    if found:
        path = sent[found].path
        head = files.read_bounded(path, program.HEAD)
        why = program.foreign(head)
        if not why and head[:2] == b"MZ" and not program.is_16_bit(found, head):
            why = program.missing(
                imports.imports_of(path), [*long_names, *short_names], resources.exports
            )
        if why:
            raise ProgramForeign(program=found, why=why)
    elif program.is_built_in(command):
        raise WrongUse(
            what=f"--run {word}: this is a command of COMMAND.COM, not a program.",
            remedy=f'Write: --run "COMMAND /C {word} ..."',
        )
    elif not program.is_on_pc(command):
        near = program.closest(command, sent)
        raise ProgramUnknown(program=word, hint=f"Did you mean {near}? " if near else "")


def _stage_items(
    chosen: Choice,
    request: Request,
    profile: Profile,
    progress: Callable[[int], None],
    *,
    packs: bool = True,
) -> tuple[list[StagedFile], list[str]]:
    """The measured files, and what the user should know about them.

    Where files travel in packs they come first, those of one directory one after the other.
    """
    lengths = {item: length_of(item) for item in chosen.items}
    packed = {item for item, length in lengths.items() if plan.small(length, request.part_size)}
    items: Sequence[Item] = chosen.items
    if not packs or sum(1 for item in packed if lengths[item]) < plan.FEWEST_PACKED:
        packed = set()
    else:
        items = sorted(items, key=lambda item: (item not in packed, item.place.rpartition("/")[0]))
    cuts = [plan.pieces(lengths[item], profile) or (None,) for item in items]
    long_names = [
        f"{item.place or item.path.name}{_suffix(piece)}"
        for item, pieces in zip(items, cuts, strict=True)
        for piece in pieces
    ]
    short = names.assign(long_names)
    taken = {base for n in short for base in (n.part_base, n.name.partition(".")[0])}
    in_packs = [lengths[item] for item in items[: len(packed)]]
    pack_of = iter(plan.pack_up(in_packs, request.part_size, taken))
    there = _places(chosen, items, request, profile)
    _refuse_places(items, there, cuts, short, profile)
    plan.refuse_too_much(sum(lengths.values()), profile)
    staged: list[StagedFile] = []
    notes = []
    pulled = kept.attributes(path for path in request.files if path.is_dir())
    for item, pieces in zip(items, cuts, strict=True):
        given = short[len(staged) : len(staged) + len(pieces)]
        made = _stage_item(
            item, pieces, given, request.part_size, progress,
            whole=lengths[item], there=there[item],
        )  # fmt: skip
        if item in packed:
            made = [_into(made[0], next(pack_of))]
        if request.dates and item.path not in chosen.programs:
            made = [_dated(file, item, pulled) for file in made]
        staged += made
        if made[0].piece:
            if item in chosen.roles.values():
                plan.refuse_too_large(str(item.path), made[0].source_length, profile)
            notes.append(_too_large(item, made, profile))
    return staged, notes + _renamed(staged) + _transliterated(staged, profile)


def _spelt(directories: Sequence[str], profile: Profile) -> tuple[str, ...]:
    return tuple(dict.fromkeys(codepages.spell(place, profile.codepage) for place in directories))


def _places(
    chosen: Choice, items: Sequence[Item], request: Request, profile: Profile
) -> dict[Item, str]:
    """Where each goes, in letters that the target has; "" for an 8.3 name of our own.

    A name that was transliterated and is another's then too gets a number. A file that stands alone
    and is only data keeps the letters of its 8.3 name, where the profile says which DOS has.
    """
    page = profile.codepage
    as_named = {codepages.fold(item.place) for item in items}
    taken: set[str] = set()
    there: dict[Item, str] = {}
    for item in items:
        place = codepages.spell(item.place, page)
        if place and codepages.fold(place) != codepages.fold(item.place):
            place = codepages.unlike(place, as_named | taken)
        elif not place and page != codepages.WESTERN and not _is_started(item, chosen, request):
            short = codepages.short_name(item.path.name, page)
            place = "" if codepages.fold(short) in as_named | taken else short
        taken.add(codepages.fold(place))
        there[item] = place
    return there


def _is_started(item: Item, chosen: Choice, request: Request) -> bool:
    """Whether a command line may name it, which is plain ASCII."""
    return (
        item in chosen.roles.values()
        or item.path.name.upper().endswith(program.RUN_BY_NAME)
        or item.path.name.lower() in request.run.lower()
    )


def _renamed(staged: Sequence[StagedFile]) -> list[str]:
    """A line for each file that stands alone and has a name that we need there ourselves."""
    return [
        f"{file.long_name} arrives as {file.name}: GO.BAT and the helper need that name; "
        "in a folder that goes elsewhere, such as --to C:\\GAME, it may have it"
        for file in staged
        if not file.place and file.long_name.upper() in places.KEPT
    ]


def _transliterated(staged: Sequence[StagedFile], profile: Profile) -> list[str]:
    """One line about all names with letters that the target lacks."""
    page = profile.codepage
    lacking = {
        file: letters for file in staged if (letters := codepages.lacking(file.long_name, page))
    }
    if not lacking:
        return []
    named = [
        f"{file.long_name} arrives as {file.place or file.name}"
        + (f" ({file.name})" if file.place else "")
        for file in list(lacking)[:_MOST_NAMED]
    ]
    more = f", and {len(lacking) - len(named)} more" if len(lacking) > len(named) else ""
    letters = "".join(dict.fromkeys("".join(lacking.values())))
    cut = f"{letters[:_MOST_LETTERS]}..." if len(letters) > _MOST_LETTERS else letters
    return [f"code page {codepages.ansi(page)} lacks {cut}: {', '.join(named)}{more}"]


def _into(file: StagedFile, pack: str) -> StagedFile:
    """A file that was measured as one part, as it travels in a pack."""
    crc = file.parts[0].crc32 if file.parts else 0
    return replace(file, parts=(), pack=pack, crc32=crc)


def _dated(file: StagedFile, item: Item, pulled: Mapping[Path, int]) -> StagedFile:
    """With its date and attributes; those of a file that was pulled are what the PC had."""
    status = item.path.stat()
    # FAT keeps local time, so what this computer's clock on the wall shows is what is sent.
    local = datetime.datetime.fromtimestamp(file.stamp.mtime_ns // 1_000_000_000)  # noqa: DTZ006
    known = pulled.get(item.path, files.attributes_of(status))
    return replace(file, date=dates.packed(local), attributes=known)


def _suffix(piece: Piece | None) -> str:
    return f".{piece.number:03d}" if piece else ""


def _too_large(item: Item, made: Sequence[StagedFile], profile: Profile) -> str:
    title = profile.title or profile.name
    return (
        f"{item.place or item.path.name}: {made[0].source_length:,} bytes are more than one file "
        f"can have there ({title}: {profile.max_file:,}), so it is not joined: it arrives as "
        f"{len(made)} files, {made[0].name} to {made[-1].name}, each proved by itself"
    )


def _refuse_places(
    items: Sequence[Item],
    there: Mapping[Item, str],
    cuts: Sequence[Sequence[Piece | None]],
    short: Sequence[names.ShortName],
    profile: Profile,
) -> None:
    """Raises NameRefused and NamesClash for what the target could not have in its directories."""
    if not any(there.values()):
        return
    given = iter(short)
    named = []
    for item, pieces in zip(items, cuts, strict=True):
        for piece in pieces:
            name = next(given).name
            place = f"{there[item]}{_suffix(piece)}" if there[item] else name
            named.append((str(item.path), place))
    places.refuse_names(named, profile.codepage)
    places.refuse_clashes(named)


def _stage_item(
    item: Item,
    pieces: Sequence[Piece | None],
    short: Sequence[names.ShortName],
    part_size: int | None,
    progress: Callable[[int], None],
    *,
    whole: int,
    there: str,
) -> list[StagedFile]:
    """One file of `whole` bytes, or all pieces of one; together they are read once."""
    path = item.path.absolute()
    staged: list[StagedFile] = []
    for number, (piece, name) in enumerate(zip(pieces, short, strict=True)):
        following = pieces[number + 1] if number + 1 < len(pieces) else None
        length = plan.piece_length(piece, following) if piece else whole
        size = plan.choose_part_size(length, part_size, str(item.path))
        start = piece.start if piece else 0
        measured = files.measure(
            path, size, progress, start=start, length=length if piece else None
        )
        if staged and measured.stamp != staged[0].stamp:
            raise FileChanged(path=item.path)
        staged.append(
            StagedFile(
                source=measured.path,
                name=name.name,
                long_name=f"{item.place or item.path.name}{_suffix(piece)}",
                length=measured.length,
                sha256=measured.sha256,
                parts=plan.parts_of(name, measured.length, size, measured.crcs),
                stamp=measured.stamp,
                place=f"{there}{_suffix(piece)}" if there else "",
                piece=piece,
                settled=measured.settled,
            )
        )
    return staged


def refuse_unplayable(payload: Payload) -> None:
    """Raises SimulatorCannotPlay when the payload starts a file of its own that is of 16 bits."""
    name = program.program(payload.run).upper()
    for file in payload.files:
        if file.piece is None and plan.on_target(file).strip('"').upper() == name:
            head = files.read_bounded(Path(file.source), program.HEAD)
            if program.is_16_bit(name, head):
                raise SimulatorCannotPlay(program=name)


def _refuse_long_for_batch(command: str, names: Sequence[str]) -> None:
    if program.is_batch(command, names) and len(command) > program.LONGEST_FOR_COMMAND_COM:
        raise WrongUse(
            what=f"The command has {len(command)} characters; a batch file gets at most "
            f"{program.LONGEST_FOR_COMMAND_COM}, and COMMAND.COM cuts the rest without a word.",
            remedy="Shorten it, or write the words into the batch file.",
        )


def _command(request: Request, chosen: Choice, staged: Sequence[StagedFile]) -> str:
    if request.run:
        if request.options:
            raise WrongUse(
                what=f"--{request.options[0][0]} belongs to a recipe, not to --run.",
                remedy="Write the program's own options into --run.",
            )
        by_long_name = {file.long_name: plan.on_target(file) for file in staged}
        command = recipe.checked(plan.translate_command(request.run, by_long_name))
        _refuse_long_for_batch(command, [file.name for file in staged])
        return command
    if chosen.recipe is None:
        if request.options:
            raise WrongUse(
                what=f"--{request.options[0][0]} has no effect: no llama2.c model is among the "
                "files.",
                remedy="Name the model file first, or leave the option out.",
            )
        return ""
    by_source = {Path(file.source): plan.on_target(file) for file in staged}
    roles = {role: by_source[item.path.absolute()] for role, item in chosen.roles.items()}
    return recipe.command(chosen.recipe, roles, _options(request, chosen))


def _options(request: Request, chosen: Choice) -> tuple[tuple[str, str], ...]:
    """The options that were given, and what the recipe adds for a model of this size."""
    if chosen.recipe is None or "model" not in chosen.roles:
        return request.options
    length = length_of(chosen.roles["model"])
    return recipe.with_defaults(chosen.recipe, request.options, length)


def profile_of(request: Request) -> Profile:
    """The kind of PC that a request is for, with its code page. Raises WrongUse."""
    found = resources.profile(request.profile)
    return found if request.codepage is None else replace(found, codepage=request.codepage)


def check_recipe(name: str) -> None:
    """Raises WrongUse unless there is such a recipe, and it is a good one."""
    resources.recipe(name)


def example_bench() -> str:
    """The commented bench file that comes with the program."""
    return (resources.directory("benches") / "example.toml").read_text(encoding="utf-8")


def write_out(
    request: Request, out: Path, directory: str, *, host: str | None, login: tuple[str, str]
) -> list[tuple[str, int]]:
    """Write everything the target needs into `out`; names and lengths of what was written.

    Without `host` the files are whole, at their places, and GO.BAT uses no FTP; with it they are
    cut into parts, and GO.BAT fetches them from that server with `login` (name, password).
    Raises OutputExists. When it fails, what was written is taken back.
    """
    new = not out.exists()
    files.make_directory(out)
    if any(out.iterdir()):
        raise OutputExists(path=out)
    written: list[tuple[str, int]] = []
    try:
        if not host:
            gobat.refuse_long(directory)
        manifest = stage(request, host=host or DEFAULT_HOST_ADDRESS, packs=host is not None)
        # Without a host all of it lies in one directory, and the payload goes nowhere else.
        to = directory if host else DEFAULT_TARGET_DIRECTORY
        places.refuse_ours(manifest.payload, to)
        plan.refuse_deep(manifest.payload, directory)
        if host:
            manifest = replace(manifest, login=login[0], token=login[1])
        else:  # what lies there is what was copied there by hand: a wrong one has to come again
            payload = replace(manifest.payload, overwrite=Overwrite.ALWAYS)
            manifest = replace(manifest, payload=payload)
        generated = {
            GO_BAT: gobat.render(manifest, directory, offline=host is None),
            HELPER_EXE: helper(),
            manifests.file_name(manifest.deployment): manifests.render(manifest, to),
        }
        for name, data in generated.items():
            written.append((name, len(data)))
            files.write_atomically(out / name, data)
        if host:
            for part in manifest.payload.parts:
                written.append((part.name, part.length))
                write_part(manifest.payload, part, out / part.name)
        else:
            for file in manifest.payload.files:
                name = file.place or file.name
                written.append((name, file.length))
                files.copy_slice(Path(file.source), file.start, file.length, out / name)
    except BaseException:
        files.take_back(out, [name for name, _length in written], whole=new)
        raise
    return written


def helper() -> bytes:
    """DEPLOY98.EXE. Raises ProgramDamaged."""
    return resources.program(HELPER_EXE)


def write_part(payload: Payload, part: Part, path: Path) -> None:
    """Write the bytes of a part, from wherever they are on this computer. Raises FileChanged."""
    cut = plan.source_of(payload, part)
    if isinstance(cut, Slices):
        files.copy_slices(cut.slices, path)
    else:
        files.copy_slice(Path(cut.path), cut.offset, cut.length, path)


def read_text_file(path: Path) -> bytes:
    """A batch file's bytes. Raises FileMissing, FileUnreadable, or WrongUse when it is too long."""
    data = files.read_bounded(path, _MOST_BATCH + 1)
    if len(data) > _MOST_BATCH:
        raise WrongUse(
            what=f"{path}: longer than {_MOST_BATCH} bytes; that is no batch file.",
            remedy="Name a .BAT file.",
        )
    return data
