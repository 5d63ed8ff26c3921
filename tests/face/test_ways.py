"""The two ways of the card, carried out as they stand on it: counted, walked, and mistyped."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace as changed

from deployer.core.view import Row
from deployer.face import card
from deployer.host.local import InProcess
from deployer.host.requests import Order, Request, nothing_typed
from deployer.host.service import Service
from deployer.model import GO_BAT, State
from deployer.sim.browser import CACHE, DESKTOP, Browser, NotShown
from deployer.sim.cable import Link
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.machine import Machine
from deployer.sim.typist import type_lines

HOST, LOOPBACK = "192.168.1.1", "127.0.0.1"
MOST_KEYS, MOST_CLICKS, MOST_TYPED = 20, 3, 45


WAITING = Row("D7F3A21C", "192.168.1.2", 0.0, HOST, "C:\\DEPLOY", "", 7, (), page_port=80)


def row(**more: object) -> Row:
    """A deployment that waits for 192.168.1.2, and its page is served."""
    return changed(WAITING, protocols=("ftp", "http"), **more)


def way(lines: Sequence[str], title: str) -> list[str]:
    """The lines below a title of the card."""
    start = next(number for number, line in enumerate(lines) if line.strip() == f"{title}:")
    found = []
    for line in lines[start + 1 :]:
        if not line.strip():
            break
        found.append(line.strip())
    return found


def by_browser(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What the card says to do with the browser: a verb and what follows it."""
    for line in way(lines, "With the browser"):
        verb, what = re.split(r"\s{2,}", line, maxsplit=1)
        if verb != "or":
            yield verb, what


def by_typing(lines: Sequence[str]) -> Iterator[str]:
    """What the card says to type, without the prompts."""
    for line in way(lines, "With FTP, in Start, Programs, MS-DOS Prompt"):
        typed = re.sub(r"^(C:\\WINDOWS>|User:|Password:|ftp>)\s+", "", line)
        assert typed != line, f"no prompt: {line}"
        yield "" if typed == "(just Enter)" else typed


# -- counted


@pytest.mark.parametrize("beside", ["", "169.254.1.1"])
def test_the_browsers_way_is_twenty_keys_and_three_clicks(beside: str) -> None:
    keys = clicks = 0
    for verb, what in by_browser(card.card(row(beside=beside))):
        match verb:
            case "Start, Run":
                keys += len(what) + 1  # and Enter
            case "Click":
                clicks += 1
            case "Press":
                assert what == "Enter"
                keys += 1
            case _:
                pytest.fail(f"{verb} {what}")
    assert (keys, clicks) <= (MOST_KEYS, MOST_CLICKS)
    assert keys <= MOST_KEYS
    assert clicks <= MOST_CLICKS


def test_the_typed_way_is_forty_five_keystrokes() -> None:
    assert sum(len(line) + 1 for line in by_typing(card.card(row()))) <= MOST_TYPED


def test_the_printed_card_has_both_ways_and_draws_what_the_browser_asks() -> None:
    page = card.print_html(row())
    ElementTree.fromstring(page.partition("\n")[2])
    for verb, what in by_browser(card.card(row())):
        assert re.search(f"{verb} +{re.escape(what)}", page)
    assert page.count("<svg") == 2
    for words in (
        "File Download", card.RUN_IT, "Save this program to disk", f"{GO_BAT} from {HOST}",
        "Security Warning", "Yes",
    ):  # fmt: skip
        assert words in page.partition("<svg")[2]
    without = card.print_html(WAITING)
    assert "<svg" not in without
    simulated = card.print_html(changed(WAITING, target="sim"))
    assert "WINIPCFG" not in simulated


# -- carried out, on the simulated PC, by a person who has nothing but the card


class Person:
    """A host with a push that waits, and the simulated PC at which somebody sits."""

    def __init__(self, service: Service, waiting: Row, pc: Machine) -> None:
        self.service, self.waiting, self.pc = service, waiting, pc

    @property
    def card(self) -> tuple[str, ...]:
        """The card as `push` prints it."""
        return card.card(self.waiting)

    @property
    def screen(self) -> str:
        return "\n".join(self.pc.console.lines)

    async def proved(self) -> bool:
        ended = await self.service.finished(self.waiting.deployment, silence=60.0)
        return ended.state is State.PROVED


def sit(folder: Path, act: Callable[[Person], object], *, proved: bool = True) -> None:
    """Push something small to a PC that is reached over loopback, and act there."""

    async def scenario() -> None:
        async with (
            Service(
                folder / "state", clock=time.time, address=LOOPBACK, ftp_port=0, http_port=0
            ) as service,
            InProcess(service, nothing_typed) as host,
        ):
            told = folder / "READ.TXT"
            told.write_bytes(b"hello\r\n")
            order = Order(Request((told,), no_run=True), LOOPBACK, host=HOST)
            deployment = await host.push(order)
            waiting = await host.row(deployment)
            assert waiting is not None
            page = waiting.page_port
            routes = {HOST: (LOOPBACK, service.ftp_port), f"{HOST}:80": (LOOPBACK, page)}
            pc = Machine(Disk(folder / "c"), console=QueuedConsole(), link=Link(routes=routes))
            person = Person(service, waiting, pc)
            pc.boot()
            await asyncio.to_thread(act, person)
            assert not proved or await person.proved()

    (folder / "c").mkdir()
    asyncio.run(scenario())


def browse(person: Person) -> Browser:
    """Do what the card says to do with the browser; the page has its usual port on this wire."""
    browser = Browser(person.pc)
    for verb, what in by_browser(person.card):
        match verb:
            case "Start, Run":
                browser.open(re.sub(r":[0-9]+$", "", what))
            case "Click":
                browser.click(what)
            case _:
                browser.press(what)
    return browser


def test_who_follows_the_card_with_the_browser_gets_it_proved(tmp_path: Path) -> None:
    def act(person: Person) -> None:
        browser = browse(person)
        assert browser.keys <= MOST_KEYS
        assert browser.clicks <= MOST_CLICKS
        disk = person.pc.disk
        assert disk.read_bytes("C:\\DEPLOY\\READ.TXT") == b"hello\r\n"
        kept = disk.read_bytes(f"C:\\DEPLOY\\{GO_BAT}")
        assert kept == disk.read_bytes(f"{CACHE}\\{GO_BAT}"), "GO alone works there afterwards"

    sit(tmp_path, act)


def test_who_types_the_cards_lines_gets_it_proved(tmp_path: Path) -> None:
    def act(person: Person) -> None:
        type_lines(person.pc, tuple(by_typing(person.card)))
        assert "Finished." in person.screen

    sit(tmp_path, act)


# -- mistyped


FTP = f"FTP {HOST}"
GET = f"get {GO_BAT}"
MISTYPED = {
    "a user's name that nobody has": ((FTP, "anonymus"), "331 Press Enter."),
    "no name at all": ((FTP, ""), "331 Press Enter."),
    "a password where none is needed": ((FTP, "a", "secret"), f"230 Welcome. Type  {GET}"),
    "a deployment's name, without its password": (
        (FTP, "D0000000", ""), "530 This GO.BAT is of an older push: fetch GO.BAT again",
    ),
    "small letters": (
        (FTP, "a", "", "get go.bat"), f"226 You have {GO_BAT}. Type  bye  and then  GO",
    ),
    "letters exchanged": (
        (FTP, "a", "", "get GO.BTA"), f"550 There is no file GO.BTA here. Type  {GET}",
    ),
    "no ending": ((FTP, "a", "", "get GO"), f"550 There is no file GO here. Type  {GET}"),
    "a blank in the name": (
        (FTP, "a", "", "get GO BAT"), f"550 There is no file GO here. Type  {GET}",
    ),
    "a directory": (
        (FTP, "a", "", "cd deploy"), f"550 There is no directory deploy here. Type  {GET}",
    ),
    "delete in place of get": (
        (FTP, "a", "", f"delete {GO_BAT}"), f"it only hands files out. Type  {GET}",
    ),
    "get before the login": ((f"FTP -n {HOST}", GET), "530 Log in first. Type  user a"),
}  # fmt: skip
"""What is typed, and the reply, which says what to type next."""
RIGHT = {f"Type  {GET}": (GET,), "Type  user a": ("user a", "", GET), "Press Enter.": ("", GET)}
"""What is typed after a reply that ends so."""


def test_each_of_ten_mistypings_is_answered_by_what_to_type_next(tmp_path: Path) -> None:
    assert len(MISTYPED) >= 10

    def act(person: Person) -> None:
        for what, (typed, reply) in MISTYPED.items():
            right = next((lines for end, lines in RIGHT.items() if reply.endswith(end)), ())
            person.pc.console.lines.clear()
            type_lines(person.pc, (*typed, *right, "bye"))
            assert reply in person.screen, f"{what}:\n{person.screen}"
            assert f"226 You have {GO_BAT}" in person.screen or not right, what

    sit(tmp_path, act, proved=False)


def test_a_program_that_was_saved_is_not_started(tmp_path: Path) -> None:
    def act(person: Person) -> None:
        browser = Browser(person.pc)
        browser.open(f"http://{HOST}")
        browser.click("Start GO.BAT")
        with pytest.raises(NotShown, match="nothing in the question says 'Yes'"):
            browser.click("Yes")
        browser.press("Enter")
        assert person.pc.disk.exists(f"{DESKTOP}\\{GO_BAT}")
        assert not person.pc.disk.exists("C:\\DEPLOY\\READ.TXT")

    sit(tmp_path, act, proved=False)
