"""Choosing what to push: a path or the tree, what was recognised, and whether it fits."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester, SuggestFromList
from textual.widgets import Button, DirectoryTree, Input, Label, Select, Static

from deployer.errors import DeployerError
from deployer.face.text import plain
from deployer.host.requests import Request
from deployer.model import LineSettings

FLOWS = (
    ("rtscts: a cable with all wires", "rtscts"),
    ("xonxoff: a cable with three wires", "xonxoff"),
    ("none: both sides are fast enough", "none"),
)
SLOWEST, FASTEST = 50, 4_000_000
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Picked:
    """What the user chose to push, for which target, and how a serial line to it is set."""

    request: Request
    target: str
    line: LineSettings = field(default_factory=LineSettings)


Push = Callable[[Picked], Awaitable[None]]
"""Pushes a choice. Raises what is wrong with it."""
Look = Callable[[Picked], Awaitable[Sequence[str]]]
"""The lines about a choice: what was recognised, the fit."""
LineOf = Callable[[str], LineSettings | None]
"""How the serial line to a target is set unless the user says otherwise; None: it has no line."""


@dataclass(frozen=True, slots=True)
class Requests:
    """What the dialog asks for."""

    look: Look
    push: Push
    line_of: LineOf


class FileTree(DirectoryTree):
    """The tree of files, with characters that every font has, without hidden files."""

    ICON_NODE, ICON_NODE_EXPANDED, ICON_FILE = "+ ", "- ", "  "

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Names that begin with a period are for programs, not for people."""
        return [path for path in paths if not path.name.startswith(".")]


class PathSuggester(Suggester):
    """Completes the last path that is typed, from what lies there."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The whole of what is typed, completed; None when nothing begins so, or too much."""
        return await asyncio.to_thread(completed, value)


def completed(value: str) -> str | None:
    """What is typed, its last path completed as far as it is the only way on."""
    head, bar, last = value.rpartition("|")
    typed = last.lstrip()
    before = f"{head}{bar}{last[: len(last) - len(typed)]}"
    folder, slash, name = typed.rpartition("/")
    if not typed or typed == "~":
        return None
    try:
        inside = list(_path(folder + slash or ".").iterdir())
    except (OSError, ValueError):
        return None
    hidden = name.startswith(".")
    found = sorted(
        f"{one.name}/" if one.is_dir() else one.name
        for one in inside
        if one.name.startswith(name) and (hidden or not one.name.startswith("."))
    )
    common = os.path.commonprefix(found)  # noqa: RUF071  names, not paths
    return f"{before}{folder}{slash}{common}" if len(common) > len(name) else None


class PathInput(Input):
    """A field for paths: Tab completes, as in a shell; with nothing to complete it goes on."""

    BINDINGS = [Binding("tab", "complete", "Complete", show=False)]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__(
            placeholder="path (or path | path), or choose below; Tab completes",
            id="path",
            suggester=PathSuggester(),
        )

    def action_complete(self) -> None:
        """Take the completion, or go to the next field."""
        before = self.value
        if self.cursor_position == len(before) and (whole := completed(before)) is not None:
            self.value = whole
            self.cursor_position = len(whole)
        else:
            self.screen.focus_next()


class PushScreen(ModalScreen[None]):
    """Path, target, launch command; what was recognised is shown below while typing.

    When the target is at a serial port, how the line is set can be chosen, too. It closes when the
    push has begun; what is wrong is said in it, and what was typed stays.
    """

    BINDINGS = [  # noqa: RUF012 - as Textual wants it
        Binding("escape", "dismiss(None)", "Back"),
        Binding("ctrl+s", "push", "Push"),
    ]

    def __init__(
        self, requests: Requests, targets: Sequence[str], target: str, start: Path
    ) -> None:
        super().__init__()
        self._requests = requests
        self._targets = list(targets)
        self._target = target
        self._start = start
        self._offered: LineSettings | None = None

    def compose(self) -> ComposeResult:
        """Fields, tree, what was seen, buttons."""
        with Vertical(id="frame") as frame:
            frame.border_title = "Push"
            with Vertical(id="fields"):
                yield from _field("File", PathInput())
                names = ", ".join(self._targets[:4])
                yield from _field(
                    "Target",
                    Input(
                        self._target,
                        placeholder=names,
                        id="target",
                        suggester=SuggestFromList(self._targets),
                    ),
                )
                with Horizontal(id="line", classes="line"):
                    yield Label("Line", classes="label")
                    yield Input(
                        placeholder="bits a second", id="speed", restrict=r"[0-9]*", max_length=7
                    )
                    yield Select(FLOWS, id="flow", allow_blank=False, compact=True)
                yield from _field(
                    "Run", Input(placeholder="empty: what the file is launched with", id="run")
                )
            yield FileTree(self._start, id="tree")
            yield Static("No file is chosen.", id="seen", markup=False)
            with Horizontal(id="buttons"):
                yield Button("Push (Enter)", id="push", compact=True)
                yield Button("Back (Esc)", id="back", compact=True)

    def on_mount(self) -> None:
        """Typing begins with the path."""
        self.query_one("#path", Input).focus()
        self._offer_line()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look at what is typed."""
        event.stop()
        if not self._is_whole:
            return
        if event.input.id == "target":
            self._offer_line()
        self._examine()

    def on_select_changed(self, event: Select.Changed) -> None:
        """Flow control is part of the choice."""
        event.stop()
        if self._is_whole:
            self._examine()

    def on_input_submitted(self) -> None:
        """Enter in any field pushes."""
        self.action_push()

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        """A file of the tree takes the place of the path; Enter again pushes."""
        event.stop()
        self.query_one("#path", Input).value = str(event.path)
        self.query_one("#path", Input).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Push or back."""
        if event.button.id == "push":
            self.action_push()
        else:
            self.dismiss(None)

    @work(exclusive=True, group="push")
    async def action_push(self) -> None:
        """Push the choice and close; what is missing or wrong is said here."""
        self.workers.cancel_group(self, "look")  # it would say what it finds over what is said here
        choice = self._choice()
        if isinstance(choice, str):
            self._say(choice)
            return
        self._say("Reading the files ...")
        try:
            await self._requests.push(choice)
        except DeployerError as error:
            if self._is_whole:
                self._say(f"{error.what}\n{error.remedy}")
            return
        if self.is_current:
            self.dismiss(None)

    @property
    def _is_whole(self) -> bool:
        """False while the dialogue is being taken down: what was on its way then finds no field."""
        return bool(self.query("#seen"))

    def _choice(self) -> Picked | str:
        """What is chosen; a sentence about what is missing."""
        request = self._request()
        target = self.query_one("#target", Input).value.strip()
        if request is None or not target:
            return f"No {'file' if request is None else 'target'} is given."
        if self._requests.line_of(target) is None:
            return Picked(request, target)
        speed = int(self.query_one("#speed", Input).value or 0)
        if not SLOWEST <= speed <= FASTEST:
            return f"Line: the speed is {SLOWEST} to {FASTEST} bits a second, such as 9600."
        flow = str(self.query_one("#flow", Select).value)
        return Picked(request, target, LineSettings(speed, flow))

    def _offer_line(self) -> None:
        """Show how the line is set while the target has one."""
        line = self._requests.line_of(self.query_one("#target", Input).value.strip())
        self.query_one("#line").set_class(line is not None, "-shown")
        if line is not None and line != self._offered:
            self._offered = line
            self.query_one("#speed", Input).value = str(line.speed)
            self.query_one("#flow", Select).value = line.flow

    def _request(self) -> Request | None:
        words = self.query_one("#path", Input).value.split("|")
        paths = tuple(_path(word.strip()) for word in words if word.strip())
        run = self.query_one("#run", Input).value.strip()
        return Request(files=paths, run=run) if paths else None

    @work(exclusive=True, group="look")
    async def _examine(self) -> None:
        if not self._is_whole:
            return
        request = self._request()
        if request is None:
            self._say("No file is chosen.")
            return
        if missing := [path for path in request.files if not os.path.exists(path)]:  # noqa: PTH110
            name = str(missing[0])
            name = name if len(name) <= _LONGEST else f"...{name[-_LONGEST:]}"
            self._say(f"{name}: there is no such file.")  # as yet: somebody is typing
            return
        choice = self._choice()
        if isinstance(choice, str):
            choice = Picked(request, "")  # the file can be looked at all the same
        try:
            lines = await self._requests.look(choice)
        except DeployerError as error:
            lines = (error.what, error.remedy)
        if self._is_whole:
            self._say("\n".join(lines))

    def _say(self, text: str) -> None:
        """Below the tree."""
        self.query_one("#seen", Static).update(plain(text))


def _path(word: str) -> Path:
    """What is typed as a path; `~name` is a home, or, while somebody types, not yet."""
    try:
        return Path(word).expanduser()
    except RuntimeError:
        return Path(word)


def _field(name: str, widget: Input) -> ComposeResult:
    with Horizontal(classes="line"):
        yield Label(name, classes="label")
        yield widget
