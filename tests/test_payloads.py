"""Payloads of every kind: from what a user names to what the target would be told."""

from __future__ import annotations

import hashlib
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.core.target import manifest as manifests
from deployer.core.target.proof import parse_report
from deployer.edge import resources
from deployer.errors import (
    DriveTooSmall,
    FileChanged,
    FileEmpty,
    FileTooLarge,
    ModelOfOtherVersion,
    NameRefused,
    NamesClash,
    ProgramNotNamed,
    TokenizerUnfit,
    WrongUse,
)
from deployer.host import staging
from deployer.host.grants import shares_of
from deployer.host.recognise import recognise
from deployer.host.requests import Request
from deployer.model import Manifest
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.machine import Machine
from deployer.sim.typist import visit
from deployer.sim.win32 import StepClock

PART = 4096


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory as users have them."""
    top = tmp_path / "game"
    for name, data in {
        "Setup.exe": b"MZ",
        "Read me first.txt": b"hello",
        "Data Files/Level 1.dat": bytes(9000),
        "Data Files/empty.dat": b"",
    }.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return top


def stage(*paths: Path, **fields: object) -> Manifest:
    options: dict[str, object] = {"part_size": PART} | fields
    return staging.stage(Request(paths, **options))  # type: ignore[arg-type]


def small_profile(folder: Path, limit: int) -> str:
    path = folder / "small.toml"
    path.write_text(f'name = "small"\ntitle = "a small disk"\nmax_file = {limit}\n')
    return str(path)


def test_a_directory_goes_with_its_tree_and_long_names(tree: Path) -> None:
    manifest = stage(tree)
    told = {file.place: file.name for file in manifest.payload.files}
    assert told == {
        "Data Files/Level 1.dat": "LEVEL1.DAT",
        "Data Files/empty.dat": "EMPTY.DAT",
        "Read me first.txt": "READMEFI.TXT",
        "Setup.exe": "SETUP.EXE",
    }
    again = manifests.parse(manifests.render(manifest))
    assert [file.place for file in again.payload.files] == sorted(told)


@pytest.mark.parametrize(
    ("run", "line"),
    [
        ("setup.exe /S", "Setup.exe /S"),
        ('"data files/level 1.dat" x', '"Data Files\\Level 1.dat" x'),
        ('Setup.exe "Data Files\\LEVEL 1.DAT"', 'Setup.exe "Data Files\\Level 1.dat"'),
        ("NOTEPAD.EXE C:\\x.txt", "NOTEPAD.EXE C:\\x.txt"),
    ],
)
def test_a_command_names_files_of_a_tree(tree: Path, run: str, line: str) -> None:
    assert stage(tree, run=run).payload.run == line


def test_files_beside_a_directory_keep_8_3_names(tree: Path, tmp_path: Path) -> None:
    extra = tmp_path / "some long name.cfg"
    extra.write_text("x")
    by_name = {f.name: f.place for f in stage(tree, extra).payload.files}
    assert by_name["SOMELONG.CFG"] == ""


def test_a_plain_file_and_a_file_of_a_tree_must_not_meet(tree: Path, tmp_path: Path) -> None:
    (tree / "A.TXT").write_text("in the tree")
    other = tmp_path / "a.txt"
    other.write_text("beside it")
    with pytest.raises(NamesClash):
        stage(other, tree)
    assert stage(tree, other).payload.files[-1].name != "A.TXT"


def test_a_name_that_the_target_cannot_have_stops_before_reading(tree: Path) -> None:
    (tree / "what?.txt").write_text("x")
    with pytest.raises(NameRefused, match="what"):
        stage(tree)


def test_an_empty_file_is_fine_in_a_tree_only(tree: Path) -> None:
    with pytest.raises(FileEmpty):
        stage(tree / "Data Files" / "empty.dat")


def test_empty_directories_go_along(tree: Path) -> None:
    (tree / "Saves").mkdir()
    assert stage(tree).payload.directories == ("Saves",)


def test_a_file_over_the_limit_arrives_as_files_and_is_told_of(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(25_000)
    path = tmp_path / "big.iso"
    path.write_bytes(data)
    manifest = stage(path, profile=small_profile(tmp_path, 10_000))
    files = manifest.payload.files
    assert [file.name for file in files] == ["BIG_ISO.001", "BIG_ISO.002", "BIG_ISO.003"]
    assert [file.length for file in files] == [10_000, 10_000, 5_000]
    assert files[1].sha256 == hashlib.sha256(data[10_000:20_000]).hexdigest()
    assert [zlib.crc32(data[20_000:24_096]), zlib.crc32(data[24_096:])] == [
        part.crc32 for part in files[2].parts
    ]
    (note,) = manifest.payload.notes
    assert "not joined" in note
    assert "10,000" in note
    slices = {e.name: e.source for e in shares_of(manifest, r"C:\DEPLOY", 0)[0].entries}
    last = slices[files[2].parts[1].name]
    assert (last.offset, last.length, last.stamp.length) == (24_096, 904, 25_000)  # type: ignore[union-attr]


def test_pieces_of_a_tree_keep_their_directory(tree: Path, tmp_path: Path) -> None:
    files = stage(tree, profile=small_profile(tmp_path, 5_000)).payload.files
    assert [file.place for file in files[:2]] == [
        "Data Files/Level 1.dat.001",
        "Data Files/Level 1.dat.002",
    ]


def test_a_model_that_is_too_large_to_be_one_file_cannot_run(root: Path, tmp_path: Path) -> None:
    model = root / "payloads" / "models" / "campfire" / "campfire260K.bin"
    with pytest.raises(FileTooLarge):
        stage(model, profile=small_profile(tmp_path, 1_000_000))
    notes = stage(model, no_run=True, profile=small_profile(tmp_path, 1_000_000)).payload.notes
    assert len(notes) == 1


def test_more_than_a_drive_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sparse.bin"
    with path.open("wb") as file:
        file.truncate((2 << 30) + 1)
    with pytest.raises(DriveTooSmall, match="FAT16"):
        stage(path, profile="win98-fat16")


@pytest.mark.parametrize("name", ["win95-fat16", "win98-fat16", "win98-fat32"])
def test_profiles_have_numbers_that_the_helper_can_take(name: str) -> None:
    profile = resources.profile(name)
    assert profile.max_file == manifests.MAX_LENGTH
    assert profile.max_drive > 2_000_000_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("max_file = 1", "name"),
        ('name = "x"\nmax_file = 3000000000', "max_file"),
        ("x", "Expected"),
    ],
)
def test_a_wrong_profile_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(WrongUse, match=says):
        resources.profile(str(path))


@pytest.fixture
def model(root: Path) -> Path:
    return root / "payloads" / "models" / "campfire" / "campfire260K.bin"


@pytest.mark.parametrize(
    ("recipe", "program", "options", "line"),
    [
        ("llama98c", "run.exe", (("steps", "9"),), "RUN.EXE CAMPF260.BIN -z CAMPFIRE.BIN -n 9"),
        ("dosllam2", "DOSLLAM2.EXE", (("prompt", "Once upon"),),
         'DOSLLAM2.EXE CAMPF260.BIN -z CAMPFIRE.BIN -i "Once upon"'),
        ("installer", "setup.exe", (), "SETUP.EXE"),
        ("files", "setup.exe", (), ""),
    ],
)  # fmt: skip
def test_recipes_for_programs_that_the_user_has(
    tmp_path: Path, model: Path, recipe: str, program: str,
    options: tuple[tuple[str, str], ...], line: str,
) -> None:  # fmt: skip
    path = tmp_path / program
    path.write_bytes(b"MZ")
    manifest = stage(model, path, recipe=recipe, options=options)
    assert manifest.payload.run == line
    assert manifest.payload.recipe == recipe


def test_the_users_engine_must_be_named(model: Path) -> None:
    with pytest.raises(ProgramNotNamed, match="none of the files"):
        stage(model, recipe="dosllam2")


def test_dosllam2_has_no_seed(tmp_path: Path, model: Path) -> None:
    path = tmp_path / "dosllam2.exe"
    path.write_bytes(b"MZ")
    with pytest.raises(WrongUse, match="--seed"):
        stage(model, path, recipe="dosllam2", options=(("seed", "1"),))


def test_an_installer_is_found_in_a_tree(tree: Path) -> None:
    assert stage(tree, recipe="installer").payload.run == "Setup.exe"
    seen = recognise(Request((tree,), recipe="installer"))
    assert seen.lines[-1] == "runs there with the recipe installer"
    assert seen.model == ""


def test_two_programs_that_fit_are_asked_about(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("mysetup.exe", "oursetup.exe")]
    for path in paths:
        path.write_bytes(b"MZ")
    with pytest.raises(ProgramNotNamed, match="could each be"):
        stage(*paths, recipe="installer")


def test_a_model_in_a_tree_runs_with_its_recipe(model: Path) -> None:
    manifest = stage(model.parent, recipe="llama98")
    assert manifest.payload.run.startswith("LLAMA98.EXE campfire260K.bin -z campfire")
    assert stage(model.parent).payload.run == ""


def _older(data: bytes, *, scores: bool) -> bytes:
    """A tokenizer file in an older form: without the longest length, and without scores."""
    out, offset = b"", 4
    while offset < len(data):
        score, size = struct.unpack_from("<fi", data, offset)
        token = data[offset + 8 : offset + 8 + size]
        out += (struct.pack("<f", score) if scores else b"") + struct.pack("<i", size) + token
        offset += 8 + size
    return out


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("tokenizer.bin", lambda data: data + struct.pack("<fi", 0, 1) + b"x", "it has 513 tokens"),
        ("TOKENIZER.BIN", lambda data: data + struct.pack("<fi", 0, 1) + b"x", "it has 513 tokens"),
        ("tokenizer.bin", lambda data: _older(data, scores=True), "without the length"),
        ("Tokenizer.bin", lambda data: _older(data, scores=False), "July 2023"),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_a_tokenizer_that_does_not_fit_is_said_so(
    name: str, change: Callable[[bytes], bytes], why: str, named: bool, model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "beside"
    folder.mkdir()
    copy = folder / "stories260K.bin"
    copy.write_bytes(model.read_bytes())
    other = folder / name
    other.write_bytes(change(model.with_name("campfire.tok.bin").read_bytes()))
    with pytest.raises(TokenizerUnfit, match=why) as caught:
        stage(copy, *([other] if named else []))
    assert name in caught.value.what


def test_a_tokenizer_is_found_in_any_case_of_its_letters(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "STORIES.BIN"
    copy.write_bytes(model.read_bytes())
    tokens = model.with_name("campfire.tok.bin").read_bytes()
    (tmp_path / "TOKENIZER.BIN").write_bytes(tokens)
    assert stage(copy).payload.files[-1].long_name == "TOKENIZER.BIN"


@pytest.mark.parametrize("version", [1, 2])
def test_the_newer_exports_of_llama2c_are_refused_by_name(version: int, tmp_path: Path) -> None:
    """They were delivered as plain files before, and called proved."""
    path = tmp_path / "model.bin"
    head = struct.pack("<Ii7i", 0x616B3432, version, 64, 172, 5, 8, 4, 512, 512)
    path.write_bytes(head.ljust(256, b"\0") + bytes(1 << 20))
    with pytest.raises(ModelOfOtherVersion, match=f"version {version}"):
        stage(path)
    with pytest.raises(ModelOfOtherVersion):
        staging.inspect(path)
    assert stage(path, no_run=True).payload.run == ""


def test_staging_again_keeps_places_pieces_and_the_command(tree: Path, tmp_path: Path) -> None:
    before = stage(tree, run="setup.exe", profile=small_profile(tmp_path, 5_000))
    after = staging.again(before)
    assert [(f.name, f.place, f.sha256) for f in after.payload.files] == [
        (f.name, f.place, f.sha256) for f in before.payload.files
    ]
    assert after.payload.run == before.payload.run
    assert after.deployment != before.deployment
    assert staging.unchanged(before)
    (tree / "Setup.exe").write_bytes(b"MZ2")
    assert not staging.unchanged(before)
    assert staging.again(before).payload.files[-1].length == 3


def test_a_path_that_is_too_deep_with_its_directory_is_refused(tree: Path) -> None:
    deep = tree / "/".join(["x" * 38] * 6)
    deep.parent.mkdir(parents=True)
    deep.write_text("x")
    manifest = stage(tree)
    with pytest.raises(NameRefused, match="MAX_PATH|characters"):
        staging.plan.refuse_deep(manifest.payload, "C:\\" + "\\".join(["DIRECTRY"] * 3))
    staging.plan.refuse_deep(manifest.payload, r"C:\DEPLOY")


def test_a_tree_can_be_staged_as_plain_files(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    request = Request((tree,), part_size=PART)
    written = staging.write_out(request, out, r"C:\DEPLOY", host=None, login=("", ""))
    assert (out / "Data Files" / "Level 1.dat").read_bytes() == bytes(9000)
    assert (out / "Data Files" / "empty.dat").read_bytes() == b""
    assert len(written) == 7
    disk = Disk(tmp_path)
    disk.rename("C:\\out", "C:\\DEPLOY")
    shown: list[str] = []
    machine = Machine(disk, console=QueuedConsole(shown.append), clock=StepClock(step=0.02))
    assert visit(machine, ["CD \\DEPLOY", "GO", ""], tries=1)
    assert "all 4 files are whole" in "\n".join(shown)
    report = parse_report((tmp_path / "DEPLOY" / "RESULT.TXT").read_bytes())
    assert report.sealed
    assert {file.verdict for file in report.files} == {"good"}


def test_what_is_damaged_on_a_staged_medium_is_named_on_the_screen(
    tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    staging.write_out(
        Request((tree,), part_size=PART), out, r"C:\DEPLOY", host=None, login=("", "")
    )
    (out / "Data Files" / "Level 1.dat").write_bytes(bytes(8999) + b"x")
    (out / "Read me first.txt").unlink()
    disk = Disk(tmp_path)
    disk.rename("C:\\out", "C:\\DEPLOY")
    shown: list[str] = []
    machine = Machine(disk, console=QueuedConsole(shown.append), clock=StepClock(step=0.02))
    assert not visit(machine, ["CD \\DEPLOY", "GO", ""], tries=1)
    said = "\n".join(shown)
    assert r"Data Files\Level 1.dat is not what was sent" in said
    assert "Read me first.txt is not here yet" in said
    assert "Setup.exe is" not in said
    assert "Copy the files that are named above again, then start GO again." in said


def test_a_piece_of_a_file_that_shrinks_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(100))
    with pytest.raises(FileChanged):
        staging.files.measure(path, 10, start=60, length=50)
