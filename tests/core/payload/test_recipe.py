"""Recipes become command lines."""

from __future__ import annotations

import pytest

from deployer.core.payload import recipe
from deployer.errors import ProgramNotNamed, WrongUse

TABLE = {
    "name": "llama98",
    "title": "t",
    "kind": "llama2.c",
    "programs": ["LLAMA98.EXE"],
    "companions": ["tokenizer"],
    "run": "LLAMA98.EXE {model} -z {tokenizer}",
    "options": {"steps": "-n {value}", "prompt": "-i {value}"},
}
HEXED = {**TABLE, "hexed": {"prompt": "-x {value}"}}
NAMES = {"model": "M.BIN", "tokenizer": "T.BIN"}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ([], "LLAMA98.EXE M.BIN -z T.BIN"),
        ([("steps", "200")], "LLAMA98.EXE M.BIN -z T.BIN -n 200"),
        ([("prompt", "Once upon")], 'LLAMA98.EXE M.BIN -z T.BIN -i "Once upon"'),
        ([("prompt", "Zoo")], "LLAMA98.EXE M.BIN -z T.BIN -i Zoo"),
        ([("prompt", "")], 'LLAMA98.EXE M.BIN -z T.BIN -i ""'),
        ([("prompt", 'say "hi"')], 'LLAMA98.EXE M.BIN -z T.BIN -i "say \\"hi\\""'),
        ([("prompt", "a b\\")], 'LLAMA98.EXE M.BIN -z T.BIN -i "a b\\\\"'),
        ([("prompt", 'a\\" b')], 'LLAMA98.EXE M.BIN -z T.BIN -i "a\\\\\\" b"'),
    ],
)
def test_the_command_line(options: list[tuple[str, str]], line: str) -> None:
    assert recipe.command(recipe.parse(TABLE, "x.toml"), NAMES, options) == line


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "Zoo",
        "it's",
        'say "hi"',
        'say "',
        '"',
        "-t",
        "a b\\",
        'a\\" b',
        "\\",
        "\\\\ x",
        "  a  b  ",
        "%P%",
    ],
)
def test_the_program_reads_the_words_that_were_meant(prompt: str) -> None:
    line = recipe.command(recipe.parse(TABLE, "x.toml"), NAMES, [("prompt", prompt)])
    assert recipe.arguments(line) == ["LLAMA98.EXE", "M.BIN", "-z", "T.BIN", "-i", prompt]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Zoo", "-i Zoo"),
        ("a b", '-i "a b"'),
        ("Größe", "-x 4772c3b6c39f65"),
        ("a\nb\t", "-x 610a6209"),
        ("😀", "-x f09f9880"),
        ("\udcff\udc80", "-x ff80"),
    ],
)
def test_what_is_not_plain_goes_as_the_bytes_that_it_is(prompt: str, words: str) -> None:
    line = recipe.command(recipe.parse(HEXED, "x.toml"), NAMES, [("prompt", prompt)])
    assert line == f"LLAMA98.EXE M.BIN -z T.BIN {words}"


@pytest.mark.parametrize(
    "options",
    [[("seed", "1")], [("prompt", "Größe")], [("prompt", "a\nb")], [("prompt", "x" * 400)]],
)
def test_what_a_target_cannot_take_is_refused(options: list[tuple[str, str]]) -> None:
    with pytest.raises(WrongUse):
        recipe.command(recipe.parse(TABLE, "x.toml"), NAMES, options)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"wat": 1}, "wat"),
        ({"run": "X {nobody}"}, "nobody"),
        ({"companions": 3}, "companions"),
        ({"hexed": {"seed": "-x {value}"}}, "'seed'"),
        ({"run": "X {"}, "x.toml"),
    ],
)
def test_a_wrong_recipe_is_named(change: dict[str, object], says: str) -> None:
    with pytest.raises(WrongUse, match=says):
        recipe.parse({**TABLE, **change}, "x.toml")


INSTALLER = recipe.Recipe("installer", "", program=("setup.exe", "*setup*.exe"))


@pytest.mark.parametrize(
    ("names", "picked"),
    [
        (["readme.txt", "SETUP.EXE"], 1),
        (["mysetup1.exe", "setup.exe"], 1),
        (["disk1/setup.exe", "Setup.exe"], 1),
        (["disk1/setup.exe", "readme.txt"], 0),
        (["x.txt", "coolsetup.exe"], 1),
    ],
)
def test_the_users_program_is_picked(names: list[str], picked: int) -> None:
    assert recipe.pick_program(INSTALLER, names) == picked


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["readme.txt"], "none of the files"),
        (["disk1/setup.exe", "disk2/setup.exe"], "could each be"),
        (["asetup.exe", "bsetup.exe"], "asetup.exe and bsetup.exe"),
    ],
)
def test_an_unclear_program_is_asked_about(names: list[str], says: str) -> None:
    with pytest.raises(ProgramNotNamed, match=says):
        recipe.pick_program(INSTALLER, names)


def test_a_recipe_without_a_command_runs_nothing() -> None:
    assert recipe.command(recipe.Recipe("files", ""), {}, ()) == ""


@pytest.mark.parametrize(
    ("length", "given", "added"),
    [
        (1, [], [("quantise", "0")]),
        (8 << 20, [("steps", "9")], [("quantise", "0")]),
        ((8 << 20) + 1, [], []),
        (1, [("quantise", "8")], []),
        (0, [], []),
    ],
)
def test_a_small_model_is_run_exactly(
    length: int, given: list[tuple[str, str]], added: list[tuple[str, str]]
) -> None:
    found = recipe.parse({**TABLE, "exact_up_to": 8 << 20}, "x.toml")
    assert recipe.with_defaults(found, given, length) == (*given, *added)
