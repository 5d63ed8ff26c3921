"""Choosing what to push: a path or the tree, what was recognised, and whether it fits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Button, DirectoryTree, Input, Label, Static

from deployer.errors import DeployerError
from deployer.staging import Request


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose to push, and for which target."""

    request: Request
    target: str


Look = Callable[[Request, str], Awaitable[Sequence[str]]]
"""The lines about a request and a target: what was recognised, the fit."""


class Files(DirectoryTree):
    """The tree of files, with signs that every font has, without hidden files."""

    ICON_NODE, ICON_NODE_EXPANDED, ICON_FILE = "+ ", "- ", "  "

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Names that begin with a period are for programs, not for people."""
        return [path for path in paths if not path.name.startswith(".")]


class PushScreen(ModalScreen[Choice | None]):
    """Path, target, launch command; what was recognised is said below while typing."""

    BINDINGS = [  # noqa: RUF012 - as Textual wants it
        Binding("escape", "dismiss(None)", "Back"),
        Binding("ctrl+s", "push", "Push"),
    ]

    def __init__(self, look: Look, targets: Sequence[str], target: str, start: Path) -> None:
        super().__init__()
        self._look = look
        self._targets = list(targets)
        self._target = target
        self._start = start

    def compose(self) -> ComposeResult:
        """Fields, tree, what was seen, buttons."""
        with Vertical(id="frame") as frame:
            frame.border_title = "Push"
            with Vertical(id="fields"):
                yield from _field(
                    "File", Input(placeholder="path (or path | path), or choose below", id="path")
                )
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
                yield from _field(
                    "Run", Input(placeholder="empty: what the file is launched with", id="run")
                )
            yield Files(self._start, id="tree")
            yield Static("No file is chosen.", id="seen", markup=False)
            with Horizontal(id="buttons"):
                yield Button("Push (Enter)", id="push", compact=True)
                yield Button("Back (Esc)", id="back", compact=True)

    def on_mount(self) -> None:
        """Typing begins with the path."""
        self.query_one("#path", Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look at what is typed."""
        event.stop()
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

    def action_push(self) -> None:
        """Close with the choice; without a file say so."""
        request = self._request()
        target = self.query_one("#target", Input).value.strip()
        if request is None or not target:
            missing = "file" if request is None else "target"
            self.query_one("#seen", Static).update(f"No {missing} is given.")
            return
        self.dismiss(Choice(request, target))

    def _request(self) -> Request | None:
        words = self.query_one("#path", Input).value.split("|")
        paths = tuple(Path(word.strip()).expanduser() for word in words if word.strip())
        run = self.query_one("#run", Input).value.strip()
        return Request(files=paths, run=run) if paths else None

    @work(exclusive=True)
    async def _examine(self) -> None:
        request = self._request()
        if request is None:
            self.query_one("#seen", Static).update("No file is chosen.")
            return
        if missing := [path for path in request.files if not path.exists()]:
            said = f"{missing[0]}: there is no such file."  # as yet: somebody is typing
            self.query_one("#seen", Static).update(said)
            return
        target = self.query_one("#target", Input).value.strip()
        try:
            lines = await self._look(request, target)
        except DeployerError as error:
            lines = (error.what, error.remedy)
        self.query_one("#seen", Static).update("\n".join(lines))


def _field(name: str, widget: Input) -> ComposeResult:
    with Horizontal(classes="line"):
        yield Label(name, classes="label")
        yield widget
