"""The browser of Windows 98: opens a page, follows a link, starts or saves what is no page.

    browser = Browser(machine)
    browser.open("169.254.1.1")            # typed into the address line
    browser.follow("start, and stay ready")
    browser.follow("Yes: start AGENT98.EXE")   # "Run this program from its current location"

A program is kept where Internet Explorer keeps it and started there. HTTP/1.0, without frames,
scripts or pictures.
"""

from __future__ import annotations

import contextlib
import re
from html import unescape

from deployer.sim.disk import DiskError
from deployer.sim.machine import Machine

CACHE = "C:\\WINDOWS\\TEMPORARY INTERNET FILES"
LARGEST = 64 << 20
WEB = 80
_LINK = re.compile(r'<A\s+HREF="([^"]*)"[^>]*>(.*?)</A>', re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


class NotShown(Exception):  # noqa: N818 - what the user sees
    """The browser cannot show or start something; the text says what."""


class Browser:
    """One window of it. `text` is the page without its tags, `keys` what was pressed so far."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._host = ""
        self._links: list[tuple[str, str]] = []
        self.text = ""
        self.keys = 0

    def open(self, address: str) -> None:
        """Type an address and Enter. Raises NotShown."""
        self.keys += len(address) + 1
        host, _, path = address.removeprefix("http://").partition("/")
        self._host = host
        self._load(f"/{path}")

    def follow(self, words: str) -> None:
        """Click the link with these words; a program is started where it came from.

        Raises NotShown, also when there is no such link.
        """
        for target, said in self._links:
            if words.casefold() in said.casefold():
                self._load(target)
                return
        raise NotShown(f"no link says {words!r}; there are {[said for _, said in self._links]}")

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
            self._start(path.rpartition("/")[2].upper(), body)

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
        """Run this program from its current location."""
        disk, path = self._machine.disk, f"{CACHE}\\{name}"
        with contextlib.suppress(DiskError):
            disk.mkdir(CACHE)
        disk.write_bytes(path, body)
        session = self._machine.session
        if session.start(f'"{path}"', CACHE) is None:
            raise NotShown(session.said[-1])


def _field(line: str) -> tuple[str, str, str]:
    return line.partition(":")
