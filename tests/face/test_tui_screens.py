"""The layout at 80x24 and 120x40, held by golden screens; sizes, colours, mouse.

After a wanted change: python -m tests.face.test_tui_screens writes the golden files anew.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from rich.segment import Segment
from textual.color import Color
from textual.widgets import Input, Select, Static

from deployer.core.partmap import BlockState
from deployer.errors import DaemonGone
from deployer.events import (
    AsciiRefused,
    ClientGone,
    DeploymentStaged,
    Event,
    FileStaged,
    LoginAccepted,
    LoginRefused,
    OutputReceived,
    PauseChanged,
    ProofReceived,
    ServerListening,
    StateChanged,
    TargetReported,
    TransferCut,
    TransferDone,
    TransferStarted,
    TransferTick,
)
from deployer.face.tui import looks
from deployer.face.tui.app import DeployerApp
from deployer.face.tui.detail import Detail
from deployer.face.tui.dialogs import KEYS, Question
from deployer.face.tui.parts import SHADE, PartMap
from deployer.face.tui.picker import Picked, PushScreen, Requests
from deployer.face.tui.sidebar import Sidebar
from deployer.host.recognise import recognise
from deployer.host.requests import Order, Recognised, Request
from deployer.model import FileProof, LineSettings, Proof, Report, Round, State
from deployer.settings import Settings
from tests.face.oldpc import PATIENCE, Scripted, picking, screen, told, until

GOLDEN = Path(__file__).parent / "screens"
NOW = 1_000_000_000.0
PC = "192.168.1.2"
SHA = "778bd831330485ba061cbd5f370063b37ac22b0ab27cfc7a86713ed5ad6fd5e3"
CPU = "GenuineIntel family 6 model 5 stepping 2"
SMALL, LARGE = (80, 24), (120, 40)


def info(**more: object) -> Report:
    return Report(
        "", True, system="Windows 98 4.10.1998", helper="1.0", cpu=CPU, cpu_mhz=350,
        cpu_features="fpu tsc cx8 mmx", memory=128 << 20, disk_free=1_234_567_890, **more,
    )  # fmt: skip


def running() -> Iterator[Event]:
    """A model on its way: one part proved, one bad, one cut, one moving."""
    at, identity = NOW - 100, "D7F3A21C"
    file = FileStaged(
        "STORI15M.BIN", "stories15M.bin", 60_816_028, SHA, "STORI15M.001", 15, 4 << 20
    )
    engine = FileStaged("LLAMA98.EXE", "LLAMA98.EXE", 28_160, SHA, "LLAMA98.001", 1, 28_160)
    run = "LLAMA98.EXE STORI15M.BIN -z TOK32000.BIN"
    total = file.length + engine.length
    yield DeploymentStaged(
        at, identity, PC, "192.168.1.1", r"C:\DEPLOY", (engine, file), total, run, "llama98"
    )
    yield ServerListening(at, identity, "ftp", "192.168.1.1", 21)
    yield StateChanged(at, identity, State.WAITING)
    yield LoginAccepted(at + 20, identity, PC, identity)
    yield StateChanged(at + 20, identity, State.FETCHING)
    yield TargetReported(at + 24, identity, info())
    for number in range(3):
        name, begun = f"STORI15M.{number + 1:03d}", at + 30 + 5 * number
        yield TransferStarted(begun, identity, PC, name, 4 << 20)
        if number == 2:
            yield TransferCut(begun + 2, identity, PC, name, 1 << 20, 4 << 20, "the cable")
        else:
            yield TransferDone(begun + 4, identity, PC, name, 4 << 20, 4.0)
    yield ClientGone(at + 50, identity, PC)
    have = (("STORI15M.BIN", "1"), ("LLAMA98.EXE", "1"))
    bad, rounds = (("STORI15M.002", 1),), (Round(1, 2, 1),)
    report = info(command="CHECK", exit_code=1, have=have, bad=bad, rounds=rounds)
    yield LoginAccepted(at + 60, identity, PC, identity)
    yield TargetReported(at + 60, identity, replace(report, deployment=identity))
    yield TransferStarted(at + 95, identity, PC, "STORI15M.002", 4 << 20)
    yield TransferTick(at + 99, identity, PC, "STORI15M.002", 3_000_000, 4 << 20)


def proved() -> Iterator[Event]:
    """An earlier deployment that went well."""
    at, identity = NOW - 90_000, "D0000001"
    file = FileStaged(
        "CAMPF260.BIN", "campfire260K.bin", 1_072_924, SHA, "CAMPF260.001", 1, 4 << 20
    )
    yield DeploymentStaged(
        at, identity, PC, "192.168.1.1", r"C:\DEPLOY", (file,), file.length, "LLAMA98.EXE X"
    )
    yield TransferStarted(at + 1, identity, PC, "CAMPF260.001", file.length)
    yield TransferDone(at + 2, identity, PC, "CAMPF260.001", file.length, 1.1)
    yield OutputReceived(at + 9, identity, 50, "/x", "Once upon a time, there was a fox.\n")
    seen = (FileProof("CAMPF260.BIN", file.length, SHA, "good"),)
    report = Report(
        identity, True, command="RUN", exit_code=0, files=seen, run="LLAMA98.EXE X", run_exit=0,
        run_seconds=5.5, system="Windows 98 4.10.1998", cpu=CPU, memory=128 << 20,
    )  # fmt: skip
    yield ProofReceived(at + 10, identity, Proof(identity, True, "", report, seen, 46.1))
    yield StateChanged(at + 10, identity, State.PROVED, "", "proof")


def failed() -> Iterator[Event]:
    """A simulated PC that gave up, and one that is paused before its first call."""
    file = FileStaged("A.TXT", "a.txt", 300, SHA, "A.001", 1, 300)
    base = ("192.168.1.1", r"C:\DEPLOY", (file,), 300)
    yield DeploymentStaged(NOW - 4000, "D0000002", "sim", *base, emulated=True)
    yield StateChanged(NOW - 3900, "D0000002", State.FAILED, "no sign of life for 60 s", "silence")
    yield DeploymentStaged(NOW - 700, "D0000003", "192.168.1.3", *base)
    yield ServerListening(NOW - 700, "D0000003", "ftp", "192.168.1.1", 21)
    yield StateChanged(NOW - 700, "D0000003", State.WAITING)


EVENTS = [*proved(), *failed(), *running()]
PAGES = {
    "moving": [],
    "proved": ["down"],
    "waiting": ["down", "down"],
    "card": ["down", "down", "k"],
    "help": ["question_mark"],
    "proof": ["down", "o"],
    "cancel": ["c"],
}

CASES = [(page, SMALL) for page in PAGES]
CASES += [(page, LARGE) for page in ("moving", "proved", "waiting", "proof")]


BELOW = {"card": "waiting", "proof": "proved", "cancel": "moving", "help": "moving"}
"""The page that a dialogue stands on. It is drawn as it is when the dialogue opens."""


def golden(page: str, size: tuple[int, int]) -> Path:
    return GOLDEN / f"{page}-{size[0]}x{size[1]}.txt"


async def drawn(page: str, size: tuple[int, int], *, expected: bool = True) -> str:
    """The screen after the keys of a page, as soon as it is as expected; else after a while."""
    app = DeployerApp(Scripted(EVENTS), Settings(), clock=lambda: NOW)

    async def settled(page: str) -> None:
        wanted = golden(page, size).read_text(encoding="utf-8") if expected else ""
        end = time.monotonic() + (PATIENCE if expected else 1.0)
        while screen(app) != wanted and time.monotonic() < end:
            await pilot.pause(0.02)

    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "D7F3A21C" in screen(app))
        app.query_one(Sidebar).choose("D7F3A21C")
        *moves, last = PAGES[page] or [""]
        if page in BELOW:
            await pilot.press(*moves)
            await settled(BELOW[page])
            await pilot.press(last)
        else:
            await pilot.press(*PAGES[page])
        await settled(page)
        return screen(app)


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("page", "size"), CASES, ids=[f"{page}-{size[0]}x{size[1]}" for page, size in CASES]
)
def test_a_page_looks_as_it_did(page: str, size: tuple[int, int]) -> None:
    assert asyncio.run(drawn(page, size)) == golden(page, size).read_text(encoding="utf-8")


def test_everything_said_fits_the_width() -> None:
    for page in GOLDEN.glob("*-80x24.txt"):
        lines = page.read_text(encoding="utf-8").splitlines()
        assert len(lines) == 24
        assert max(map(len, lines)) <= 80


def test_no_color_means_no_colour_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def colours() -> set[object]:
        app = DeployerApp(Scripted(EVENTS), Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.row is not None)
            await pilot.pause()
            segments: list[Segment] = []
            for strip in app.screen._compositor.render_strips():
                filtered = list(strip)
                for line_filter in app.get_line_filters():
                    filtered = line_filter.apply(filtered, app.screen.styles.background)
                segments += filtered
            return {s.style.color for s in segments if s.style} | {
                s.style.bgcolor for s in segments if s.style
            }

    assert asyncio.run(colours()) == {None}


def brightness(colour: str) -> float:
    """Relative luminance, as WCAG has it."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


PAPERS = [(looks.LIGHT, "#e0e0e0"), (looks.NINETY_EIGHT, "#c0c0c0")]


def contrast(one: str, other: str) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("theme", "paper"), PAPERS)
def test_every_colour_can_be_read_on_its_paper(theme: str, paper: str) -> None:
    for ours, darker in looks.ON_PAPER[theme].items():
        assert contrast("#121212", ours) >= 4.0, ours
        assert contrast(paper, darker) >= 4.5, darker


@pytest.mark.parametrize("theme", list(looks.THEMES.values()))
def test_the_letter_in_every_block_can_be_read(theme: str) -> None:
    assert set(looks.BLOCKS[theme]) == set(BlockState)
    for colour, ink in looks.BLOCKS[theme].values():
        assert contrast(colour, ink) >= 4.5
        shade = Color.parse(colour).blend(Color.parse(ink), SHADE)
        assert contrast(shade.hex, ink) >= 4.5, "also where it is shaded"


def test_neighbours_in_the_map_are_shaded_and_the_legend_has_their_colours() -> None:
    async def story() -> None:
        app = DeployerApp(Scripted(EVENTS), Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.row is not None)
            app.query_one(Sidebar).choose("D7F3A21C")
            field = app.query_one(PartMap)
            await until(pilot, lambda: "waiting 13" in screen(app))
            first, second = field.shades(BlockState.VERIFIED)
            assert first.bgcolor != second.bgcolor
            drawn = field.render()
            assert [span.style for span in drawn.spans][:2] == [first, second]
            legend = app.query_one("#part", Static).content
            styles = {legend.plain[span.start] for span in legend.spans}
            assert styles == {".", ">", "#", "+"}

    asyncio.run(story())


def test_a_key_goes_through_the_themes_and_each_has_its_own_colours() -> None:
    def shows(app: DeployerApp, theme: str) -> bool:
        drawn = app.export_screenshot()
        greens = {paper[looks.GREEN] for paper in looks.ON_PAPER.values()} | {looks.GREEN}
        own = looks.ON_PAPER.get(theme, {}).get(looks.GREEN, looks.GREEN)
        moving = looks.BLOCKS[theme][BlockState.MOVING][0]
        return moving in drawn and {green for green in greens if green in drawn} == {own}

    themes = list(looks.THEMES.values())

    async def story(at: int) -> None:
        app = DeployerApp(Scripted(EVENTS), Settings(), clock=lambda: NOW, theme=themes[at])
        async with app.run_test(size=(80, 24)) as pilot:
            for theme in (*themes[at:], *themes[:at]):
                await until(pilot, lambda: shows(app, theme), theme)  # noqa: B023
                await pilot.press("t")

    for at in (0, 1):
        asyncio.run(story(at))


def test_the_palette_has_what_the_keys_do_and_the_themes() -> None:
    async def story() -> None:
        app = DeployerApp(Scripted(EVENTS), Settings(), clock=lambda: NOW)
        async with app.run_test(size=LARGE) as pilot:
            await until(pilot, lambda: "D7F3A21C" in screen(app))
            offered = {command.title for command in app.get_system_commands(app.screen)}
            assert {"Push a file", "Card", "Quit", "Theme: 98"} <= offered
            assert len(offered) == len(KEYS) - 1, "moving in the list and the map needs no name"
            await pilot.press("ctrl+p")
            await pilot.press(*"theme: 98")
            await until(pilot, lambda: screen(app).count("Theme: 98") == 1)
            await pilot.press("enter")
            await until(pilot, lambda: app.theme == looks.NINETY_EIGHT)

    asyncio.run(story())


def test_the_log_follows_again_after_the_window_was_narrow() -> None:
    async def story() -> None:
        host = Scripted(EVENTS)
        app = DeployerApp(host, Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "fetches STORI15M.002" in screen(app))
            for number, size in enumerate(((40, 12), (40, 24), (120, 40), (80, 24))):
                await pilot.resize_terminal(*size)
                await host.more.put(AsciiRefused(NOW, "D7F3A21C", PC, f"{number}.BIN"))
                await until(pilot, lambda: f"{number}.BIN" in screen(app), f"{size}")  # noqa: B023

    asyncio.run(story())


def test_requests_go_to_the_host_as_the_keys_say() -> None:
    async def asked() -> list[str]:
        host = Scripted(EVENTS)
        app = DeployerApp(host, Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.row is not None)
            app.query_one(Sidebar).choose("D7F3A21C")
            await pilot.press("space")
            await host.more.put(PauseChanged(NOW, "D7F3A21C", True))
            await until(pilot, lambda: app.row and app.row.paused, "paused")
            await pilot.press("space", "c")
            await until(pilot, lambda: isinstance(app.screen, Question), "asked")
            await until(pilot, lambda: app.screen.focused is not None, "to answer")
            await pilot.press("y")
            await until(pilot, lambda: len(host.asked) == 3, "cancelled")
            app.query_one(Sidebar).choose("D0000002")
            await pilot.press("c")
            await until(pilot, lambda: "has ended already" in told(app))
            await pilot.press("r", "y")
            await until(pilot, lambda: "/files/D0000002.bin" in app.copied)
            return host.asked

    expected = ["pause D7F3A21C", "resume D7F3A21C", "cancel D7F3A21C", "retry D0000002"]
    assert asyncio.run(asked()) == expected


def test_a_wrong_input_is_said_in_the_picker_and_in_a_note() -> None:
    async def story() -> None:
        app = DeployerApp(Scripted([]), Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.ready)
            await picking(pilot)
            await pilot.press("enter")
            await until(pilot, lambda: "No file is given." in screen(app))
            app.screen.query_one("#path", Input).value = "no/such"
            await until(pilot, lambda: "no/such: there is no such file." in screen(app))
            app.screen.query_one("#path", Input).value = __file__
            await until(pilot, lambda: "nothing is recognised here." in screen(app))
            app.screen.query_one("#target", Input).value = "no such pc"
            await pilot.press("enter")
            await until(pilot, lambda: "neither an address" in screen(app))
            assert app.screen.query_one("#path", Input).value == __file__, "what was typed stays"

    asyncio.run(story())


def test_tab_completes_a_path_and_then_goes_on(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("story15M.bin", "story42M.bin", ".hidden"):
        (tmp_path / "models" / name).write_bytes(b"")

    async def story() -> None:
        app = DeployerApp(Scripted([]), Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.ready)
            await picking(pilot)
            path = app.screen.query_one("#path", Input)
            for typed, whole in (
                ("mo", "models/"),
                ("", "models/story"),
                ("4", "models/story42M.bin"),
            ):
                path.value += f"{tmp_path}/{typed}" if typed == "mo" else typed
                path.cursor_position = len(path.value)
                await pilot.press("tab")
                await until(pilot, lambda: path.value == f"{tmp_path}/{whole}", whole)  # noqa: B023
            await pilot.press("tab")
            await until(pilot, lambda: not path.has_focus, "the next field")

    asyncio.run(story())


@pytest.mark.parametrize("typed", ["~nobody-here/x", "n" * 300, "a/" * 3000, "[red]x[/]"])
def test_whatever_is_typed_as_a_path_is_no_end_of_the_window(typed: str) -> None:
    async def story() -> None:
        app = DeployerApp(Scripted([]), Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.ready)
            await picking(pilot)
            app.screen.query_one("#path", Input).value = typed
            await until(pilot, lambda: "such file." in screen(app))

    asyncio.run(story())


def test_what_was_recognised_of_a_dialogue_that_is_being_closed_is_said_to_nobody() -> None:
    """Its fields are taken away one by one, and what it asked for comes in between."""

    async def story() -> None:
        app = DeployerApp(Scripted([]), Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.ready)
            dialogue: PushScreen
            looked = asyncio.Event()

            async def look(_choice: Picked) -> list[str]:
                await dialogue.query_one("#seen").remove()
                looked.set()
                return ["seen too late"]

            async def push(_choice: Picked) -> None:
                raise AssertionError

            requests = Requests(look, push, lambda _target: None)
            dialogue = PushScreen(requests, ["sim"], "sim", Path())
            await app.push_screen(dialogue)
            dialogue.query_one("#path", Input).value = __file__
            await until(pilot, looked.is_set)
            dialogue.query_one("#target", Input).value = "other"
            await pilot.pause()

    asyncio.run(story())


@dataclass
class Noting(Scripted):
    """A script that recognises real files and notes the orders."""

    orders: list[Order] = field(default_factory=list)

    async def recognise(self, request: Request) -> Recognised:
        return recognise(request)

    async def push(self, order: Order) -> str:
        self.orders.append(order)
        return ""


def test_for_a_serial_port_the_line_can_be_set_and_its_speed_counts(tmp_path: Path) -> None:
    file = tmp_path / "FILE.BIN"
    file.write_bytes(bytes(27_900))  # 30 bytes a second: 15 and a half minutes

    async def orders() -> list[Order]:
        host = Noting([])
        config = Settings(targets={"beige": "serial:/dev/ttyUSB0"})
        app = DeployerApp(host, config, clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.ready)
            await picking(pilot)
            line = app.screen.query_one("#line")
            app.screen.query_one("#target", Input).value = "sim"
            app.screen.query_one("#path", Input).value = str(file)
            await until(pilot, lambda: "on this wire" in screen(app))
            await until(pilot, lambda: not line.display, "no line")
            app.screen.query_one("#target", Input).value = "beige"
            await until(pilot, lambda: line.display, "the line")
            await until(pilot, lambda: "115200" in screen(app), "the usual speed")
            speed = app.screen.query_one("#speed", Input)
            speed.value = "300"
            await until(pilot, lambda: "about 15 min" in screen(app), "slow")
            speed.value = "7"
            speed.focus()
            await until(pilot, lambda: speed.has_focus, "the speed can be typed")
            await pilot.press("enter")
            await until(pilot, lambda: "the speed is 50 to 4000000" in screen(app), "refused")
            speed.value = "9600"
            await pilot.press("tab", "enter")
            await until(pilot, lambda: "a cable with three wires" in screen(app), "to choose")
            await pilot.press("down", "enter")
            flow = app.screen.query_one("#flow", Select)
            await until(pilot, lambda: flow.value == "xonxoff", "chosen")
            await until(pilot, lambda: not flow.expanded, "closed")
            await pilot.press("ctrl+s")
            await until(pilot, lambda: host.orders, "pushed")
            return host.orders

    (order,) = asyncio.run(orders())
    assert (order.target, order.line) == ("serial:/dev/ttyUSB0", LineSettings(9600, "xonxoff"))


def test_a_line_is_offered_as_it_was_set_last_and_goes_with_its_target() -> None:
    async def story() -> None:
        target, line = "serial:/dev/ttyS0", LineSettings(19200, "none")
        staged = DeploymentStaged(
            NOW, "D0000009", target, "", r"C:\DEPLOY", (), 0, line=line
        )  # fmt: skip
        app = DeployerApp(Noting([staged]), Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.row is not None)
            await picking(pilot)
            box = app.screen.query_one("#target", Input)
            assert box.value == target
            await until(pilot, lambda: "19200" in screen(app), "the speed of last time")
            assert app.screen.query_one("#flow", Select).value == "none"
            box.value = "sim"
            await until(pilot, lambda: not app.screen.query_one("#line").display, "no line")
            box.value = "serial:/dev/ttyS1"
            await until(pilot, lambda: "115200" in screen(app), "the usual for another")
            assert app.screen.query_one("#flow", Select).value == "rtscts"

    asyncio.run(story())


def test_a_click_chooses_a_deployment() -> None:
    async def story() -> None:
        app = DeployerApp(Scripted(EVENTS), Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.row is not None)
            await until(pilot, lambda: "D0000001" in screen(app), "listed")
            for line, text in enumerate(screen(app).splitlines()):
                if "D0000001" in text[:30]:
                    await pilot.click(offset=(5, line))
                    break
            await until(pilot, lambda: app.row and app.row.deployment == "D0000001")

    asyncio.run(story())


def test_who_was_turned_away_is_shown_to_who_waits() -> None:
    async def story() -> None:
        refused = LoginRefused(NOW - 1, "", "192.168.1.9", "anonymous", "not known")
        app = DeployerApp(Scripted([*EVENTS, refused]), Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 30)) as pilot:
            await until(pilot, lambda: app.row is not None)
            app.query_one(Sidebar).choose("D0000003")
            await until(pilot, lambda: "Somebody was turned away" in screen(app))

    asyncio.run(story())


def test_a_narrow_window_has_the_list_above_the_details() -> None:
    async def story() -> None:
        app = DeployerApp(Scripted(EVENTS), Settings(), clock=lambda: NOW)
        async with app.run_test(size=(40, 24)) as pilot:
            await until(pilot, lambda: app.row is not None)
            app.query_one(Sidebar).choose("D7F3A21C")
            await until(pilot, lambda: "fetching part 3 of 16, STORI15M.002" in screen(app))
            assert app.query_one("#left").region.bottom <= app.query_one(Detail).region.y
            await pilot.resize_terminal(80, 24)
            await until(pilot, lambda: app.query_one(Detail).region.y == 1, "side by side again")

    asyncio.run(story())


@pytest.mark.parametrize("size", [(40, 12), (80, 12)])
def test_in_a_low_window_the_details_keep_some_lines(size: tuple[int, int]) -> None:
    async def story() -> None:
        app = DeployerApp(Scripted(EVENTS), Settings(), clock=lambda: NOW)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.row is not None)
            app.query_one(Sidebar).choose("D7F3A21C")
            await until(pilot, lambda: "stories15M.bin" in screen(app), "the details")
            await until(pilot, lambda: "D7F3A21C" in screen(app), "the list")
            assert app.query_one(Detail).size.height >= 4

    asyncio.run(story())


def test_while_the_program_runs_there_is_nothing_to_pause() -> None:
    async def asked() -> list[str]:
        host = Scripted([*EVENTS, StateChanged(NOW, "D7F3A21C", State.RUNNING)])
        app = DeployerApp(host, Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.row is not None)
            app.query_one(Sidebar).choose("D7F3A21C")
            await pilot.press("space")
            await until(pilot, lambda: "nothing is left to pause" in told(app))
            return host.asked

    assert asyncio.run(asked()) == []


def test_every_key_is_explained_in_the_help_and_in_the_manual(root: Path) -> None:
    named = {"slash": "/", "question_mark": "?", "escape": "Esc"}
    page = (root / "docs" / "tui.md").read_text(encoding="utf-8")
    helped = "\n".join(" ".join(line) for line in KEYS)
    for binding in DeployerApp.BINDINGS:
        key = named.get(binding.key, binding.key)
        assert re.search(rf"(^| ){re.escape(key)}\b|^{re.escape(key)} ", helped, re.MULTILINE), key
        assert f"| {key} |" in page or f" {key} " in page, key


class Leaving(Scripted):
    """A daemon that goes away, twice, and comes back."""

    lost = 0

    async def last_seq(self) -> int:
        self.lost += 1
        if self.lost in (2, 3):
            raise DaemonGone(socket="/run/x.sock")
        return len(self.events)

    async def subscribe(self, since: int | None = None) -> AsyncIterator[tuple[int, Event]]:
        async for pair in super().subscribe(since):
            yield pair
            if self.lost == 1 and pair[0] == len(self.events):
                raise DaemonGone(socket="/run/x.sock")

    async def pause(self, deployment: str) -> None:
        raise DaemonGone(socket="/run/x.sock")


def test_a_daemon_that_goes_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployer.face.tui.app._RETURN", 0.05)

    async def story() -> None:
        host = Leaving(EVENTS)
        app = DeployerApp(host, Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: host.lost >= 2, "it was lost")
            await until(pilot, lambda: "/run/x.sock does not answer" in told(app), "said")
            await until(pilot, lambda: host.lost >= 4 and app.ready, "it is back")
            await until(pilot, lambda: "2 open, 2 ended" in screen(app))
            assert len(app.rows) == 4
            app.query_one(Sidebar).choose("D7F3A21C")
            before = told(app).count("does not answer")
            await pilot.press("space")
            await until(pilot, lambda: told(app).count("does not answer") > before, "refused")

    asyncio.run(story())


if __name__ == "__main__":
    import os

    os.environ["TZ"] = "UTC"
    time.tzset()
    GOLDEN.mkdir(exist_ok=True)
    for page, size in CASES:
        drawing = drawn(page, size, expected=False)
        golden(page, size).write_text(asyncio.run(drawing), encoding="utf-8")


def test_nobody_is_asked_to_type_at_a_simulated_pc_that_waits() -> None:
    async def story() -> None:
        staged = DeploymentStaged(
            NOW - 90, "D0000008", "sim", "127.0.0.1", r"C:\DEPLOY", (), 0, emulated=True
        )
        waits = StateChanged(NOW - 90, "D0000008", State.WAITING)
        app = DeployerApp(Scripted([staged, waits]), Settings(), clock=lambda: NOW)
        async with app.run_test(size=(80, 30)) as pilot:
            await until(pilot, lambda: "The simulated PC" in screen(app), "shown")
            assert "Do this on the old PC" not in screen(app)
            assert not app.query_one("#card").display
            assert not app.query_one("#hints").display

    asyncio.run(story())
