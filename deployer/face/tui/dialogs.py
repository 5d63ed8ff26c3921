"""Screens above the main one: help, a question, the card, a proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from deployer.core.partmap import LETTERS
from deployer.face import text

KEYS: tuple[tuple[str, str], ...] = (
    ("p", "Push a file: it is recognised, and a line says whether it fits"),
    ("space", "Pause or resume: the next part waits, FTP.EXE waits with it"),
    ("c", "Cancel the chosen deployment"),
    ("r", "Retry it: only what is missing moves; on the old PC type GO"),
    ("k", "Card: what to type on the old PC, and how far it has got"),
    ("o", "Open the proof and check its sums again"),
    ("y", "Copy the command line that pushes the same again"),
    ("/", "Filter the list by words; Esc shows all again"),
    ("up down", "Choose a deployment (or click it)"),
    ("tab", "Go to the map of parts; arrows point at a part (or click it)"),
    ("l", "Event log: small, large, hidden"),
    ("d", "Every part in words (details of the map)"),
    ("a", "The agent on the old PC: its screen, a command there, restart"),
    ("t", "Dark, light, Windows 98"),
    ("ctrl+p", "Every command by its name"),
    ("?", "This page"),
    ("q", "Quit; what is on its way goes on without this window"),
)

_SIGNS = [f"{letter} {block}" for block, letter in LETTERS.items()]
SIGNS = ("Map:  " + "   ".join(_SIGNS[:4]), "      " + "   ".join(_SIGNS[4:]))


class Dialog(ModalScreen[bool]):
    """A page of text over the main screen; Esc closes it."""

    BINDINGS = [  # noqa: RUF012 - as Textual wants it
        Binding("escape", "dismiss(False)", "Close"),
        Binding("q,enter", "dismiss(False)", "Close", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        self._content = text.plain("\n".join(lines))

    def compose(self) -> ComposeResult:
        """Frame, text, buttons."""
        with Vertical(id="frame") as frame:
            frame.border_title = self._title
            with VerticalScroll(id="scroll"):
                yield Static(self._content, id="text", markup=False)
            with Horizontal(id="buttons"):
                yield from self.buttons()

    def buttons(self) -> ComposeResult:
        """What can be answered."""
        yield Button("Close", id="close", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Every button closes; only `yes` agrees."""
        self.dismiss(event.button.id == "yes")

    def replace(self, lines: Sequence[str]) -> None:
        """Another text on the same page."""
        content = text.plain("\n".join(lines))
        if content != self._content:
            self._content = content
            for box in self.query("#text").results(Static):  # none while the page is being closed
                box.update(content)


class Help(Dialog):
    """All keys."""

    def __init__(self) -> None:
        lines = [f"{key:<9}{what}" for key, what in KEYS]
        super().__init__("Keys", [*lines, "", *SIGNS])


class Question(Dialog):
    """Yes or no; Enter alone changes nothing."""

    AUTO_FOCUS = "#no"
    BINDINGS = [  # noqa: RUF012 - as Textual wants it
        Binding("y", "dismiss(True)", "Yes"),
        Binding("n", "dismiss(False)", "No"),
    ]

    def __init__(self, title: str, lines: Sequence[str], yes: str) -> None:
        super().__init__(title, lines)
        self._yes = yes

    def buttons(self) -> ComposeResult:
        """The deed by its name, and the way back."""
        yield Button(f"{self._yes} (y)", id="yes", compact=True)
        yield Button("Back (n)", id="no", compact=True)


class Live(Dialog):
    """A page that follows what happens: the card."""

    def __init__(self, title: str, read: Callable[[], Sequence[str]]) -> None:
        super().__init__(title, read())
        self._read = read

    def on_mount(self) -> None:
        """Read again every half second."""
        self.set_interval(0.5, lambda: self.replace(self._read()))
