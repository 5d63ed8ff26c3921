"""The browser of Windows 98: opens a page, follows a link, starts or saves what is no page.

    browser = Browser(machine)
    browser.type("http://192.168.1.1")     # in the Run box or the address line
    browser.press("Enter")
    browser.click("Start GO.BAT")
    browser.click("Run this program from its current location")
    browser.press("Enter")
    browser.click("Yes")

Internet Explorer asks what to do with a program, and proposes to save it; of one that it is to
start it asks once more, since nobody has signed it. `open` and `follow` are all of that in one go.
A program is kept where Internet Explorer keeps it and started there. HTTP/1.0, without frames,
scripts or pictures.
"""

from __future__ import annotations

import contextlib
import re
from enum import Enum, auto
from html import unescape
from typing import assert_never

from deployer.sim.disk import DiskError
from deployer.sim.machine import Machine

DESKTOP = "C:\\WINDOWS\\DESKTOP"
CACHE = "C:\\WINDOWS\\TEMPORARY INTERNET FILES"
LARGEST = 64 << 20
WEB = 80
_LINK = re.compile(r'<A\s+HREF="([^"]*)"[^>]*>(.*?)</A>', re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


class NotShown(Exception):  # noqa: N818 - what the user sees
    """The browser cannot show or start something; the text says what."""


class _Window(Enum):
    """What is in front."""

    PAGE = auto()
    DOWNLOAD = auto()
    WARNING = auto()


RUN_IT, SAVE_IT = "Run this program from its current location", "Save this program to disk"


class Browser:
    """One window of it. `text` is the page without its tags.

    `keys` is how many keys were pressed so far, `clicks` how often something was clicked.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._host = ""
        self._links: list[tuple[str, str]] = []
        self._typed = ""
        self._window = _Window.PAGE
        self._program = ("", b"")
        self._run = False
        self.text = ""
        self.keys = 0
        self.clicks = 0

    def type(self, text: str) -> None:
        """Type an address."""
        self.keys += len(text)
        self._typed += text

    def press(self, key: str) -> None:
        """Press Enter, the only key that it knows. Raises NotShown."""
        if key != "Enter":
            raise NotShown(f"the key {key} does nothing here")
        self.keys += 1
        match self._window:
            case _Window.PAGE:
                address, self._typed = self._typed, ""
                host, _, path = address.removeprefix("http://").partition("/")
                self._host = host
                self._load(f"/{path}")
            case _Window.DOWNLOAD:
                self._chosen()
            case _Window.WARNING:
                self._window = _Window.PAGE  # the button that Enter presses is No
            case _:
                assert_never(self._window)

    def click(self, words: str) -> None:
        """Click what says these words: a link, or something in the question that is in front.

        Raises NotShown, also when there is no such thing.
        """
        self.clicks += 1
        match self._window:
            case _Window.PAGE:
                self._click_link(words)
            case _Window.DOWNLOAD if words in (RUN_IT, SAVE_IT):
                self._run = words == RUN_IT
            case _Window.DOWNLOAD if words == "OK":
                self._chosen()
            case _Window.WARNING if words == "Yes":
                self._window = _Window.PAGE
                self._start(*self._program)
            case _:
                raise NotShown(f"nothing in the question says {words!r}")

    def open(self, address: str) -> None:
        """Type an address and Enter. Raises NotShown."""
        self.type(address)
        self.press("Enter")

    def follow(self, words: str) -> None:
        """Click the link with these words, and start a program that it leads to.

        Raises NotShown, also when there is no such link.
        """
        self.click(words)
        if self._window is _Window.DOWNLOAD:
            self.click(RUN_IT)
            self.press("Enter")
            self.click("Yes")

    def _click_link(self, words: str) -> None:
        for target, said in self._links:
            if words.casefold() in said.casefold():
                self._load(target)
                return
        raise NotShown(f"no link says {words!r}; there are {[said for _, said in self._links]}")

    def _chosen(self) -> None:
        """OK was said to the first question."""
        self._window = _Window.WARNING if self._run else _Window.PAGE
        if not self._run:
            self._keep(DESKTOP, *self._program)

    def _load(self, path: str) -> None:
        kind, body = self._get(path)
        if kind == "text/html":
            page = body.decode("latin-1")
            self._links = [
                (unescape(target), _TAG.sub("", unescape(said)).strip())
                for target, said in _LINK.findall(page)
            ]
            self.text = unescape(_TAG.sub("", page))
        else:
            self._program = path.rpartition("/")[2].upper(), body
            self._window, self._run = _Window.DOWNLOAD, False

    def _get(self, path: str) -> tuple[str, bytes]:
        link = self._machine.link
        try:
            sock = link.connect(self._host, WEB)
        except OSError as error:
            raise NotShown(f"The page cannot be displayed: {error}") from error
        answer = b""
        try:
            link.send(sock, f"GET {path} HTTP/1.0\r\nHost: {self._host}\r\n\r\n".encode("ascii"))
            while len(answer) < LARGEST and (data := link.receive(sock, 65536)):
                answer += link.cable.received(data)
        finally:
            link.close(sock)
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = lines[0].split(" ")[1:2]
        fields = {name.casefold(): value.strip() for name, _, value in map(_field, lines[1:])}
        if int(fields.get("content-length", len(body))) != len(body):
            raise NotShown(f"{path} did not come whole")
        if status != ["200"]:
            raise NotShown(f"{path}: {lines[0]}")
        return fields.get("content-type", "").partition(";")[0], body

    def _start(self, name: str, body: bytes) -> None:
        """Run this program from its current location; a batch file in a window of its own."""
        path = self._keep(CACHE, name, body)
        if name.endswith(".BAT"):
            self._machine.run_line(self._machine.disk.short_path(path))
            return
        session = self._machine.session
        if session.start(f'"{path}"', CACHE) is None:
            raise NotShown(session.said[-1])

    def _keep(self, folder: str, name: str, body: bytes) -> str:
        disk, path = self._machine.disk, f"{folder}\\{name}"
        with contextlib.suppress(DiskError):
            disk.mkdir(folder)
        disk.write_bytes(path, body)
        return path


def _field(line: str) -> tuple[str, str, str]:
    return line.partition(":")
