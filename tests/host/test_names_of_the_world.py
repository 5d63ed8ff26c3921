"""A name with letters that the PC lacks is treated alike, alone and in a folder, and is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.target import manifest as manifests
from deployer.core.target import places
from deployer.errors import NameRefused, WrongUse
from deployer.host import staging
from deployer.host.requests import Request
from deployer.model import Manifest
from deployer.sim.codepage import PAGES
from deployer.sim.disk import Disk
from deployer.sim.machine import Machine


def stage(*paths: Path, page: int = 0) -> Manifest:
    profile = paths[0].parent / "page.toml"
    text = f"codepage = {page}\n" if page else ""
    profile.write_text(f'name = "page"\nmax_file = 2147483647\n{text}')
    return staging.stage(Request(paths, no_run=True, profile=str(profile)))


@pytest.mark.parametrize(
    "name", ["Привет.txt", "日本.dat", "žluťoučký kůň.txt", "ελιά.bin", "🙂.txt"]
)
def test_alone_and_in_a_folder_it_gets_the_same_8_3_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in (tmp_path / name, folder / name):
        path.write_bytes(b"x")
    alone, within = (stage(path).payload for path in (tmp_path / name, folder))
    assert alone.files[0].name == within.files[0].name
    assert within.files[0].place.isascii() or "ž" in name  # 1252 has it
    for payload in (alone, within):
        (note,) = payload.notes
        assert name in note
        assert payload.files[0].name in note


def test_what_the_pc_has_is_kept_without_a_word(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "Привет.txt").write_bytes(b"x")
    payload = stage(folder, page=866).payload
    assert (payload.files[0].place, payload.notes) == ("Привет.txt", ())


def test_two_that_would_be_one_arrive_as_two(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("Е.txt", "Э.txt", "E.txt"):
        (folder / name).write_bytes(name.encode())
    payload = stage(folder).payload
    assert sorted(file.place for file in payload.files) == ["E-2.txt", "E-3.txt", "E.txt"]


def test_a_page_that_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    with pytest.raises(WrongUse, match="codepage is 1200"):
        stage(tmp_path / "a.txt", page=1200)


BACKSLASHES = ("ソ.txt", "表/能力.txt", "表/十/ポ.dat", "ア.txt", "ヂ.txt", "空")
"""In page 932 the second byte of many of them is 5Ch; the next two differ by what makes a capital
of a small letter."""


def test_no_second_byte_of_a_letter_is_a_backslash_to_the_helper(tmp_path: Path) -> None:
    pytest.importorskip("unicorn")
    source, drive = tmp_path / "source", tmp_path / "c"
    drive.mkdir()
    for place in BACKSLASHES:
        path = source / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(place.encode())
    manifest = stage(source, page=932)
    PAGES.use(932)
    try:
        machine = Machine(Disk(drive))
        machine.boot()
        there = drive / "DEPLOY"
        there.mkdir()
        name = manifests.file_name(manifest.deployment)
        (there / name).write_bytes(manifests.render(manifest, "C:\\GAME"))
        (there / "DEPLOY98.EXE").write_bytes(staging.helper())
        for part in manifest.payload.parts:
            staging.write_part(manifest.payload, part, there / part.name)
        for line in ("CD \\DEPLOY", f"DEPLOY98 CHECK {name}", f"DEPLOY98 JOIN {name}"):
            machine.run_line(line)
        result = (there / "RESULT.TXT").read_text("ascii")
    finally:
        PAGES.use(1252)
    assert "codepage=932 932" in result
    assert result.count(" good") == len(BACKSLASHES)
    found = {p.relative_to(drive / "GAME").as_posix(): p for p in (drive / "GAME").rglob("*")}
    assert {name: found[name].read_bytes() for name in BACKSLASHES} == {
        name: name.encode() for name in BACKSLASHES
    }


def test_a_file_with_a_name_of_ours_is_renamed_alone_and_refused_beside_us(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "GO.BAT").write_bytes(b"x")
    alone = stage(own / "GO.BAT").payload
    (note,) = alone.notes
    assert note.startswith(f"GO.BAT arrives as {alone.files[0].name}: GO.BAT and the helper need")
    places.refuse_ours(alone, "C:\\DEPLOY")
    within = stage(own).payload
    assert (within.files[0].place, within.notes) == ("GO.BAT", ())
    places.refuse_ours(within, "C:\\GAME")
    with pytest.raises(NameRefused, match="the deployment itself needs it there") as caught:
        places.refuse_ours(within, "C:\\DEPLOY")
    assert "--to C:\\GAME: there it may have any name" in caught.value.remedy
