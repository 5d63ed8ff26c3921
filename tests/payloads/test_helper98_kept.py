"""What others put on the target, or changed there: named and kept, saved, or replaced."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.payloads.targetdir import (
    ID,
    MANIFEST,
    STOPPED,
    Pack,
    Runner,
    StagedFile,
    Target,
    manifest,
)

RANDOM = random.Random(16)
GAME = StagedFile("GAME.DAT", RANDOM.randbytes(3_500), place="Game.dat")
SAVE = StagedFile("SAVE.DAT", b"level 1", place="save/Save.dat")
MORE = [
    StagedFile(f"L{n}.DAT", RANDOM.randbytes(90 + n), place=f"levels/{n}.dat") for n in range(5)
]
FILES = [Pack((*MORE, SAVE)), GAME]

Make = Callable[..., Target]


@pytest.fixture
def target(tmp_path: Path, either: Runner) -> Make:
    """C:\\GAME with the rules that are given."""

    def make(rule: str = "keep", delete: str = "leave") -> Target:
        extra = ("TO C:/GAME", f"RULES {rule} {delete}")
        return Target(tmp_path / "DEPLOY", either, list(FILES), extra=extra)

    return make


def push(
    t: Target, staged: Sequence[StagedFile | Pack], rule: str = "keep", delete: str = "leave"
) -> int:
    """Another deployment of these files, until JOIN has ended; its exit code."""
    t.staged = list(staged)
    t.extra = ("TO C:/GAME", f"RULES {rule} {delete}")
    t.power_cut()
    t.write_manifest()
    while (code := t.check()) == 1:
        t.fetch()
    return code or t.join()


def changed(file: StagedFile, data: bytes) -> StagedFile:
    return StagedFile(file.name, data, place=file.place)


def newer(**data: bytes) -> list[StagedFile | Pack]:
    """The same payload with other contents of some files."""
    files = [changed(f, data.get(f.name.partition(".")[0], f.data)) for f in (*MORE, SAVE, GAME)]
    return [Pack(tuple(files[:-1])), files[-1]]


def test_what_was_delivered_last_is_replaced(target: Make) -> None:
    t = target()
    t.deliver()
    for turn in range(3):
        new = newer(GAME=b"new" * (900 + turn), SAVE=b"level %d" % turn, L3=b"x" * turn)
        assert push(t, new) == 0
        assert t.is_delivered()
        assert "kept" not in {line.rpartition(" ")[2] for line in t.result()["file"]}


@pytest.mark.parametrize("data", [b"level 9", b"level 99", b""], ids=["as long", "longer", "empty"])
@pytest.mark.parametrize("rule", ["keep", "never"])
def test_a_save_game_is_named_and_kept(target: Make, data: bytes, rule: str) -> None:
    t = target()
    t.deliver()
    t.final(SAVE).write_bytes(data)
    assert push(t, newer(SAVE=b"level 1 of the new game", L2=b"new"), rule) == 0
    assert t.final(SAVE).read_bytes() == data
    result = t.result()
    named = [line for line in result["file"] if line.endswith(" kept")]
    assert [line.split(" ")[0] for line in named] == (
        ["SAVE.DAT"] if rule == "keep" else ["L2.DAT", "SAVE.DAT"]
    )
    assert result["exit"] == ["0"]
    assert t.helper("RUN", MANIFEST) == 0
    assert push(t, newer(SAVE=b"third"), rule) == 0, "and the next push keeps it, too"
    assert t.final(SAVE).read_bytes() == data


def test_what_is_as_it_comes_is_nobody_elses(target: Make) -> None:
    t = target()
    t.top.mkdir(parents=True)
    t.final(GAME).write_bytes(GAME.data)
    assert push(t, FILES) == 0
    assert push(t, newer(GAME=b"next")) == 0
    assert t.final(GAME).read_bytes() == b"next"


@pytest.mark.parametrize("length", [3_500, 100])
def test_a_folder_of_others_is_left_as_it_is(target: Make, length: int) -> None:
    t = target()
    t.top.mkdir(parents=True)
    t.final(GAME).write_bytes(b"o" * length)
    (t.top / "other.txt").write_bytes(b"other")
    assert push(t, FILES) == 0
    assert t.final(GAME).read_bytes() == b"o" * length
    assert t.final(SAVE).read_bytes() == SAVE.data
    assert [f.split(" ")[0] for f in t.result()["file"] if f.endswith("kept")] == ["GAME.DAT"]
    assert push(t, FILES, "always") == 0
    assert t.is_delivered()
    assert (t.top / "other.txt").read_bytes() == b"other"


def test_changed_files_are_saved_under_names_that_nobody_has(target: Make) -> None:
    t = target()
    t.deliver()
    t.final(SAVE).write_bytes(b"level 9")
    t.final(GAME).write_bytes(b"patched")
    (t.top / "Game.BAK").write_bytes(b"older")
    assert push(t, FILES, "changed") == 0
    assert t.is_delivered()
    assert (t.top / "save" / "Save.BAK").read_bytes() == b"level 9"
    assert (t.top / "Game.BAK").read_bytes() == b"older"
    assert (t.top / "Game-2.BAK").read_bytes() == b"patched"
    assert sorted(t.result()["bak"]) == ["Game-2.BAK", "save/Save.BAK"]
    t.final(SAVE).write_bytes(b"level 10")
    assert push(t, FILES, "changed") == 0
    assert (t.top / "save" / "Save-2.BAK").read_bytes() == b"level 10"
    assert (t.top / "save" / "Save.BAK").read_bytes() == b"level 9"


def test_two_files_of_one_stem_are_saved_under_two_names(target: Make) -> None:
    t = target()
    both = [
        StagedFile("A.DAT", b"1", place="a.dat"),
        StagedFile("A.IDX", b"2", place="a.idx", base="A1"),
    ]
    assert push(t, both) == 0
    for file in both:
        t.final(file).write_bytes(b"mine " + file.data)
    assert push(t, both, "changed") == 0
    kept = {path.name: path.read_bytes() for path in t.top.glob("*.BAK")}
    assert kept == {"a.BAK": b"mine 1", "a-2.BAK": b"mine 2"}


def test_what_the_folder_no_longer_has_is_named_and_goes_if_told_so(target: Make) -> None:
    t = target()
    t.deliver()
    (t.top / "levels" / "mine.dat").write_bytes(b"mine")
    t.final(MORE[1]).write_bytes(b"changed here")
    fewer = [Pack((MORE[0],)), GAME]
    assert push(t, fewer) == 0
    assert set(t.result()["left"]) == {"save/Save.dat", *(f"levels/{n}.dat" for n in (1, 2, 3, 4))}
    assert push(t, fewer, delete="delete") == 0
    assert set(t.result()["gone"]) == {"save/Save.dat", *(f"levels/{n}.dat" for n in (2, 3, 4))}
    assert t.result()["left"] == ["levels/1.dat"]
    there = {str(path.relative_to(t.top)) for path in t.top.rglob("*")}
    assert there == {"Game.dat", "levels", "levels/0.dat", "levels/1.dat", "levels/mine.dat"}
    assert t.helper("RUN", MANIFEST) == 0
    assert len(t.result()["gone"]) == 4, "RUN's report tells of it, too"


def test_an_agent_that_came_to_stay_is_no_leftover_of_a_push(target: Make) -> None:
    t = target()
    agent = [
        StagedFile("AGENT98.EXE", b"MZ"), StagedFile("AGENT98.INI", b"id", base="AGENT99"),
    ]  # fmt: skip
    assert push(t, [GAME, *agent]) == 0
    assert push(t, [GAME], delete="delete") == 0
    assert "gone" not in t.result()
    assert {path.name for path in t.top.iterdir()} == {"Game.dat", "AGENT98.EXE", "AGENT98.INI"}


def test_a_directory_that_was_there_before_stays(target: Make) -> None:
    t = target()
    (t.top / "save").mkdir(parents=True)
    t.deliver()
    assert push(t, [GAME], delete="delete") == 0
    assert {path.name for path in t.top.iterdir()} == {"Game.dat", "save"}


def test_a_program_that_was_changed_there_is_not_started(target: Make) -> None:
    t = target()
    t.run = "Game.dat x"
    t.deliver()
    t.final(GAME).write_bytes(b"#!/bin/sh\nexit 0\n")
    assert push(t, FILES) == 0
    assert t.helper("RUN", MANIFEST) == 8
    assert "not started" in t.result()["reason"][0]


def test_manifests_and_states_of_earlier_deployments_go(target: Make) -> None:
    t = target()
    for name in ("D0000001.MAN", "D0000001.STA", "D00000FF.MAN", "D0000001.TXT", "DOCUMENT.MAN"):
        t.write(name, b"old")
    t.deliver()
    left = {name for name in t.names() if name.startswith("D")}
    assert left == {MANIFEST, f"{ID}.STA", "D0000001.TXT", "DOCUMENT.MAN"}


def lists(t: Target) -> list[Path]:
    return sorted(t.directory.glob("L*.LST"))


@pytest.mark.parametrize("how", ["gone", "cut", "a bit", "empty"])
def test_a_list_that_cannot_be_believed_costs_care_not_files(target: Make, how: str) -> None:
    t = target()
    t.deliver()
    (path,) = lists(t)
    data = path.read_bytes()
    match how:
        case "gone":
            path.unlink()
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "a bit":
            path.write_bytes(data[:20] + bytes([data[20] ^ 1]) + data[21:])
        case _:
            path.write_bytes(b"")
    assert push(t, newer(GAME=b"new")) == 0
    assert t.final(GAME).read_bytes() == GAME.data
    assert push(t, newer(GAME=b"new"), "changed") == 0
    assert t.final(GAME).read_bytes() == b"new"
    assert (t.top / "Game.BAK").read_bytes() == GAME.data


def test_a_list_whose_renaming_was_stopped_is_found(target: Make) -> None:
    t = target()
    t.deliver()
    (path,) = lists(t)
    path.rename(path.with_suffix(".TMP"))
    assert push(t, newer(GAME=b"new")) == 0
    assert t.final(GAME).read_bytes() == b"new"


LOSE = {"SYS_STOP_TORN": "1", "SYS_STOP_LOSE": "1"}


@pytest.mark.parametrize(("rule", "lose"), [("keep", LOSE), ("changed", {}), ("changed", LOSE)])
def test_a_stop_after_every_change_loses_nothing_of_others(
    tmp_path: Path, hosted: Runner, rule: str, lose: dict[str, str]
) -> None:
    """What was changed here is there under its own name or as .BAK; what is ours never is saved."""
    mine = {SAVE.name: b"level 9", MORE[2].name: b"mine", GAME.name: b"patched" * 500}
    new = newer(SAVE=b"l2", L2=b"l3" * 40, GAME=b"next" * 900, L1=b"ours")
    for number in range(1, 200):
        shutil.rmtree(tmp_path / "GAME", ignore_errors=True)
        shutil.rmtree(tmp_path / "DEPLOY", ignore_errors=True)
        t = Target(
            tmp_path / "DEPLOY", hosted, list(FILES), extra=("TO C:/GAME", "RULES keep leave")
        )
        t.deliver()
        for file in t.files:
            if file.name in mine:
                t.final(file).write_bytes(mine[file.name])
        t.staged, t.extra = list(new), ("TO C:/GAME", f"RULES {rule} delete")
        t.power_cut()
        t.write(MANIFEST, manifest(t.staged, extra=t.extra))
        while t.check() == 1:
            t.fetch()
        code = t.join(SYS_STOP_AFTER=str(number), **lose)
        t.power_cut()
        while t.check() == 1:
            t.fetch()
        assert t.join() == 0
        contents = {path.name: path.read_bytes() for path in t.top.rglob("*") if path.is_file()}
        for file in t.files:
            there = t.final(file).read_bytes()
            if rule == "keep" and file.name in mine:
                assert there == mine[file.name], number
            else:
                assert there == file.data, (number, file.name)
        saved = {name: data for name, data in contents.items() if name.endswith(".BAK")}
        expected = set(mine.values()) if rule == "changed" else set()
        assert set(saved.values()) == expected, number
        assert len(saved) == len(expected), number
        assert len(t.result().get("bak", [])) == len(expected), number
        if code != STOPPED:
            break
    assert code == 0
    assert number > 10
