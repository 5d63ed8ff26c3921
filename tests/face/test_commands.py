"""The list of commands, their help, and what each start imports."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from deployer.edge.store import Store
from deployer.face import cli
from tests.commandline import called
from tests.face.test_plain_words import found
from tests.face.test_tui_screens import EVENTS

MODULES = sorted({line.module for line in cli.COMMANDS})
GROUPS = {"survey": ("ask", "show", "list", "diff", "export", "import"),
          "link": ("up", "down", "status"), "model": ("inspect", "convert", "list"),
          "serial": ("ports", "test", "send", "receive", "terminal", "bootstrap")}  # fmt: skip


def every() -> Iterator[tuple[str, ...]]:
    """The words of every command, groups and what is in them."""
    for line in cli.COMMANDS:
        yield (line.name,)
        for name in GROUPS.get(line.name, ()):
            yield (line.name, name)


@pytest.mark.parametrize("line", cli.COMMANDS, ids=lambda line: line.name)
def test_the_list_says_what_the_command_says_of_itself(line: cli.ListedCommand) -> None:
    command = cli.load(line.name)
    assert command.name == line.name
    assert command.help.partition("\n\n")[0] == line.summary
    assert set(getattr(command, "commands", {})) == set(GROUPS.get(line.name, ()))


def test_no_command_is_missing_from_the_list() -> None:
    folder = Path(cli.__file__).parent
    apps = {path.stem for path in folder.glob("*.py") if "\napp = " in path.read_text()}
    assert apps - {"__init__"} == set(MODULES)
    for module in MODULES:
        source = ast.parse((folder / f"{module}.py").read_text(encoding="utf-8"))
        calls = {ast.unparse(node) for node in ast.walk(source) if isinstance(node, ast.Call)}
        named = {line.name for line in cli.COMMANDS if line.module == module}
        for name in named:
            assert any(
                call.startswith((f"app.command('{name}'", f"app.add_typer({name}"))
                for call in calls
            ), name
        registered = [call for call in calls if call.startswith(("app.command", "app.add_typer"))]
        assert len(registered) == len(named), module


@pytest.mark.parametrize("line", cli.COMMANDS, ids=lambda line: line.name)
def test_what_typer_does_not_convert_is_what_it_would_make_of_it(
    line: cli.ListedCommand,
) -> None:
    """Who typed --flow rtscts, which is the default, had no RTS/CTS."""
    whole = cli.load(line.name)
    for command in (whole, *getattr(whole, "commands", {}).values()):
        context = typer.Context(command)
        for parameter in command.get_params(context):
            given = getattr(parameter.default, "value", parameter.default)  # as it is typed
            if given is None or not isinstance(parameter.process_value, functools.partial):
                continue
            _parameter, process = parameter.process_value.args
            made, theirs = parameter.process_value(context, given), process(context, given)
            assert (type(made), made) == (type(theirs), theirs), parameter.name


OURS = [(), *(words for words in every() if words != ("sim",))]
"""All but the help of the simulated PC, which is a program of its own."""


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_help_fits_80_columns_and_is_in_plain_words(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = called(*words, "--help")
    assert max(map(len, shown.splitlines())) <= 80
    assert not found(" ".join(shown.replace("│", " ").split())), "words not to use"
    command = cli.load(words[0]) if words else None
    if command is not None and words[1:]:
        command = command.commands[words[1]]
    if command is not None:  # nothing of it was taken for markup
        told = " ".join(shown.replace("│", " ").split())
        assert all(" ".join(each.split()) in told for each in command.help.split("\n\n"))


# --- what a start imports


STATUS_IMPORTS = 140
"""How many modules `deployer status` imported, besides Typer's, when this was written."""
HEAVY = {"asyncio", "httpx", "pydantic", "rich", "starlette", "textual", "uvicorn", "serial"}


def modules(code: str) -> set[str]:
    """Everything that is imported after a piece of code has run."""
    listing = f"import sys\n{code}\nprint('', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", listing], check=True, timeout=60, capture_output=True, text=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_list_of_commands_reads_no_command() -> None:
    loaded = modules("from deployer.face import cli; cli.call(['--help'])")
    assert not loaded & {f"deployer.face.cli.{module}" for module in MODULES}
    assert not loaded & {"msgspec", "deployer.settings", "asyncio", "pydantic"}


def test_status_imports_little(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for event in EVENTS:
        store.append(event)
    store.close()
    words = ["status", "--state-dir", str(tmp_path)]
    loaded = modules(f"from deployer.__main__ import run; run({words})")
    assert "deployer.edge.store" in loaded
    assert not loaded & HEAVY
    counted = len(loaded - modules("import typer"))
    assert counted <= STATUS_IMPORTS * 1.1, "it was made slower, or this test out of date"
    assert counted >= STATUS_IMPORTS * 0.8, "it is faster now: write the new count down"


@pytest.mark.parametrize("line", cli.COMMANDS, ids=lambda line: line.name)
def test_help_and_completion_do_not_wait_for_what_the_work_needs(line: cli.ListedCommand) -> None:
    loaded = modules(f"from deployer.face import cli; cli.load({line.name!r})")
    assert f"deployer.face.cli.{line.module}" in loaded
    assert not loaded & (HEAVY - {"asyncio", "serial"}), line.name
