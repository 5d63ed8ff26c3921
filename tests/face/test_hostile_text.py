"""Names of files and words of the far end hold anything: no face lets a terminal obey them.

Each field of every event, of every error and of the command line gets control characters.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import inspect
import io
import json
import re
import string
import typing
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer import __main__ as program
from deployer import errors
from deployer.bench import Outcome, Results, TargetResult, UnknownCaller
from deployer.core.view import fold_all
from deployer.edge.store import Store
from deployer.events import KINDS, DeploymentStaged, Event, to_json
from deployer.face import cli, say, text
from deployer.face.cli import provision
from deployer.face.progress import PushProgress, Terminal
from deployer.face.serial_meter import Meter
from deployer.face.tui.app import DeployerApp
from deployer.face.tui.plain import Plain
from deployer.settings import Settings
from tests.commandline import called
from tests.face.oldpc import Scripted, screen
from tests.face.test_tui_screens import EVENTS, NOW

EVIL = "\x1b]0;taken\x07\x1b[2J\x9b31m\x7f\u202e\rover"
"""A title for the window, a cleared screen, red by one character, a turn of the direction."""
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
OURS = re.compile(r"\x1b\[[\d;?]*[ABKJhlm]|\r")
"""What a live line is made of."""


def poisoned(value: Any, hint: Any = str) -> Any:
    """The same with EVIL in every text that is not one of a few words known beforehand."""
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return value if typing.get_origin(hint) is typing.Literal else value + EVIL
    if isinstance(value, tuple):
        return tuple(poisoned(each) for each in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        hints = typing.get_type_hints(type(value))
        return dataclasses.replace(
            value,
            **{
                each.name: poisoned(getattr(value, each.name), hints[each.name])
                for each in dataclasses.fields(value)
                if each.init and each.name != "deployment"
            },
        )
    return value


POISONED: list[Event] = [poisoned(event) for event in EVENTS]


def invented(hint: Any) -> Any:
    """A value of a type, with EVIL in its texts."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is str:
        return f"word{EVIL}"
    if origin is typing.Literal:
        return inner[0]
    if origin is tuple:
        return tuple(invented(each) for each in inner if each is not ...)
    if origin is not None:  # a union: the first that is not None
        return invented(next(each for each in inner if each is not type(None)))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return next(iter(hint))
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        fields = {f.name: invented(hints[f.name]) for f in dataclasses.fields(hint) if f.init}
        return hint(**fields)  # type: ignore[operator]
    return {int: 7, float: 7.0, bool: True}[hint]


def one_of_each() -> Iterator[Event]:
    """An event of every kind, all about the deployment that runs."""
    (identity,) = {e.deployment for e in EVENTS if isinstance(e, DeploymentStaged)} & {"D7F3A21C"}
    for kind in KINDS.values():
        yield dataclasses.replace(invented(kind), deployment=identity, at=NOW)


def must_be_clean(out: str) -> None:
    """Nothing is left that a terminal obeys."""
    found = OBEYED.search(OURS.sub("", out.replace("\x1b[2J", "\x00")))
    assert found is None, repr(out[max(found.start() - 60, 0) : found.end() + 60])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store in which everything is hostile."""
    kept = Store(tmp_path / "state")
    for event in (*POISONED, *one_of_each()):
        kept.append(event)
    kept.close()
    return tmp_path / "state"


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize(
    "words",
    [
        ("status",), ("history",), ("history", "--target", f"192.168.1.2{EVIL}"),
        ("card", "D7F3A21C"), ("card", "D7F3A21C", "--print"), ("proof", "D0000001"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_commands_that_look_back(
    store: Path, words: tuple[str, ...], terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.commandline.Written.isatty", lambda _self: terminal)
    out = called(*words, "--state-dir", str(store))
    assert "?" in out
    must_be_clean(out)


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_the_progress_of_a_push(terminal: bool) -> None:
    for identity in {event.deployment for event in POISONED}:
        out = io.StringIO()
        console = Terminal()
        console.file = out
        console._force_terminal = terminal
        face = PushProgress(console, lambda: NOW + 600, show_screen=True)
        mine = [event for event in POISONED if event.deployment in ("", identity)]
        for event in (*mine, *one_of_each()):
            face.show(event)
            if face._live is not None:
                console.print(face._lines())
        face.close()
        must_be_clean(out.getvalue())


def test_the_line_of_a_serial_transfer() -> None:
    for live in (False, True):
        out = io.StringIO()
        out.isatty = lambda live=live: live  # type: ignore[method-assign, misc]
        meter = Meter(out, lambda: 1.0)
        for event in one_of_each():
            meter.show(event)
        assert "word" in out.getvalue()
        must_be_clean(out.getvalue())


def test_the_whole_lines_of_the_tui(capsys: pytest.CaptureFixture[str]) -> None:
    events = [*POISONED, *one_of_each()]
    host = Scripted(events)
    session = Plain(host, Settings(), say.say, clock=lambda: NOW)

    async def story() -> None:
        async def lines() -> AsyncIterator[str]:
            while len(session.rows) < len(fold_all(events)):
                await asyncio.sleep(0)
            for line in ("status", "list", "log", "proof D0000001", f"status {EVIL}", EVIL):
                yield line

        watching = asyncio.create_task(session.watch())
        await session.obey(lines())
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(asyncio.wait_for(story(), 60))
    must_be_clean(capsys.readouterr().out)


def test_the_screens_of_the_tui() -> None:
    async def story() -> None:
        app = DeployerApp(Scripted([*POISONED, *one_of_each()]), Settings(), clock=lambda: NOW)
        async with app.run_test(size=(140, 50)) as pilot:
            for keys in ((), ("down",), ("down",), ("c",), ("escape",), ("p",), ("escape",)):
                await pilot.press(*keys)
                await pilot.pause()
                must_be_clean(screen(app))

    asyncio.run(asyncio.wait_for(story(), 60))


def test_the_end_of_a_bench(capsys: pytest.CaptureFixture[str]) -> None:
    target = TargetResult(EVIL, EVIL, (), Outcome.FAILED, EVIL, 3, 1.0)
    provision._show(Results(EVIL, 0.0, 1.0, (target,), (UnknownCaller(EVIL, EVIL, EVIL),)))
    provision._tell(EVIL, f"a\n{EVIL}")
    must_be_clean(capsys.readouterr().out)


def every_error() -> Iterator[type[errors.DeployerError]]:
    for _name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.DeployerError):
            yield kind


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_every_error(
    kind: type[errors.DeployerError],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fields = {name for _, name, *_ in string.Formatter().parse(inspect.getdoc(kind) or "") if name}

    def failing(_arguments: object) -> None:
        raise kind(**{name.partition(".")[0]: f"field{EVIL}\nand more" for name in fields})

    monkeypatch.setattr(cli, "call", failing)
    assert program.run([]) == kind.exit_code
    err = capsys.readouterr().err
    must_be_clean(err)
    assert len(err.splitlines()) == 2, err


@pytest.mark.parametrize(
    "words",
    [
        (EVIL,), (f"--{EVIL}",), ("push", f"--{EVIL}"), ("push", f"-{EVIL}"),
        ("push", "--seed", EVIL), ("push", "--flow", EVIL), ("push", "--address", EVIL),
        ("push", "--timeout", EVIL), ("push", "--target", EVIL), ("push", "--target", "sim", EVIL),
        ("push", "--target", "sim", "--part-size", EVIL), ("lint", EVIL), ("model", EVIL),
        ("model", "inspect", EVIL), ("status", EVIL), ("card", EVIL), ("retry", EVIL),
        ("link", "up", "--interface", EVIL), ("serial", "send", EVIL, EVIL), ("ping", EVIL),
        ("provision", EVIL), ("push", "--debug", "--target", EVIL),
    ],
    ids=repr,
)  # fmt: skip
def test_every_wrong_use(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("DEPLOYER_STATE_DIR", raising=False)
    assert program.run(list(words)) in (errors.EXIT_USE, errors.EXIT_HOST)
    out, err = capsys.readouterr()
    must_be_clean(out)
    must_be_clean(err)
    assert len(err.splitlines()) == 2 or "--debug" in words, err


def test_json_says_the_characters_and_no_terminal_obeys_them(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = called("history", "--json", "--state-dir", str(store))
    must_be_clean(out)
    assert all(json.loads(line)["target"].endswith(EVIL) for line in out.splitlines())
    event = POISONED[0]
    say.raw(to_json(event) + "\n")
    written = capsys.readouterr().out
    must_be_clean(written)
    assert json.loads(written)["target"] == event.target  # type: ignore[attr-defined]


def test_a_clean_line_stays_as_it_is() -> None:
    line = "Größe 😀\tC:\\DEPLOY — 5 %"
    assert text.plain(line) == line
