"""The interactive face over a real service and a simulated PC on a slowed wire: every key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path

from msgspec.structs import replace
from textual.widgets import Input, Log, Static

from deployer.core.view import Row
from deployer.face.tui.detail import Detail
from deployer.face.tui.dialogs import Dialog, Help, Live, Question
from deployer.face.tui.parts import PartMap
from deployer.face.tui.sidebar import Sidebar
from deployer.model import State
from tests.face.oldpc import SlowWire, order, payload, picking, screen, told, until, world
from tests.waiting import PATIENCE

STOP = 300_000
"""Bytes at which the wire stops: the second part of 256 KiB is moving."""


def run(test: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 2 * PATIENCE))


def test_a_push_is_seen_from_the_first_key_to_the_proof(tmp_path: Path) -> None:
    async def story() -> None:
        path = payload(tmp_path)
        wire = SlowWire(stop_at=STOP)
        async with world(tmp_path, wire) as w:
            app = w.app()
            async with app.run_test(size=(80, 24)) as pilot:
                await until(pilot, lambda: "Press  p" in screen(app))
                await picking(pilot)
                app.screen.query_one("#path", Input).value = str(path)
                app.screen.query_one("#run", Input).value = ""
                await until(pilot, lambda: "1,000,000 bytes" in screen(app), "recognised")
                await until(pilot, lambda: "Needs: " in screen(app))
                await until(pilot, lambda: "on this wire" in screen(app))
                await pilot.press("enter")
                await until(pilot, lambda: app.row is not None, "a row")
                assert app.row
                identity = app.row.deployment
                await until(pilot, lambda: app.row and app.row.current, "a part moves")
                await until(pilot, lambda: "fetching part 1 of 1" in screen(app))
                wire.go.set()
                await until(pilot, lambda: app.row and app.row.state == State.PROVED, "proved")
                await until(pilot, lambda: f" {identity} proved" in screen(app))
                await until(pilot, lambda: "═ PROVED ═" in screen(app), "the stamp")
                await until(pilot, lambda: "Windows 98" in str(app.query_one("#words").content))

    run(story())


def test_pause_resume_card_and_the_map(tmp_path: Path) -> None:
    async def story() -> None:
        wire = SlowWire(stop_at=STOP)
        async with world(tmp_path, wire) as w:
            # Time stands: no line above the map comes with it and moves the map under the mouse.
            now = time.time()
            app = w.app(clock=lambda: now)
            async with app.run_test(size=(80, 24)) as pilot:
                await w.host.push(order(payload(tmp_path)))
                await until(pilot, lambda: app.row and app.row.current.endswith("002"), "part 2")
                await until(pilot, lambda: "o o > . ." in screen(app), "the map")

                await pilot.press("tab", "tab", "right", "right")
                await until(pilot, lambda: app.query_one(PartMap).pointed, "a part is pointed at")
                await until(pilot, lambda: "002 of" in screen(app), "described")
                await pilot.click(PartMap, offset=(40, 2))
                await until(pilot, lambda: "004 of" in screen(app), "clicked")

                await pilot.press("space")
                await until(pilot, lambda: app.row and app.row.paused, "paused")
                wire.go.set()
                await until(pilot, lambda: "the next part waits" in screen(app), "held")
                assert app.row
                assert [p.fetches for p in app.row.parts.values()] == [1, 1, 0, 0]

                await pilot.press("k")
                await until(pilot, lambda: isinstance(app.screen, Live))
                await until(pilot, lambda: "[x] ftp>        get GO.BAT" in screen(app))
                await pilot.press("escape")

                await pilot.press("space")
                await until(pilot, lambda: app.row and app.row.state == State.PROVED, "proved")
                assert app.row.refetched == ()

    run(story())


def test_cancel_asks_and_retry_sends_only_what_is_missing(tmp_path: Path) -> None:
    async def story() -> None:
        wire = SlowWire(stop_at=STOP)
        async with world(tmp_path, wire) as w:
            app = w.app()
            async with app.run_test(size=(80, 24)) as pilot:
                identity = await w.host.push(order(payload(tmp_path)))
                await until(pilot, lambda: app.row and app.row.current.endswith("002"), "part 2")
                await pilot.press("r")
                await until(pilot, lambda: "has not ended" in told(app), "refused")
                await pilot.press("c")
                await until(pilot, lambda: isinstance(app.screen, Question))
                await until(pilot, lambda: app.screen.focused is not None)
                await pilot.press("enter")
                await until(pilot, lambda: not isinstance(app.screen, Question), "Enter: no")
                await pilot.press("c")
                await until(pilot, lambda: isinstance(app.screen, Question))
                await pilot.press("n")
                await until(pilot, lambda: not isinstance(app.screen, Question))
                assert app.row.state == State.FETCHING
                await pilot.press("c")
                await until(pilot, lambda: isinstance(app.screen, Question))
                await pilot.press("y")
                await until(pilot, lambda: app.row.state == State.CANCELLED, "cancelled")
                wire.stop_at = None
                await until(pilot, lambda: not w.host._open, "let go")
                await pilot.press("r")
                await until(pilot, lambda: app.row.attempt == 2, "offered again")
                await until(pilot, lambda: app.row.state == State.PROVED, "proved")
                assert app.row.deployment == identity
                assert app.row.parts["PAYLOAD.001"].fetches == 0, "it was there already"

    run(story())


def test_proof_copy_help_filter_log_theme_and_quit(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as w:
            path = payload(tmp_path)
            identity = await w.host.push(order(path))
            assert await w.ended(identity) == State.PROVED
            app = w.app()
            async with app.run_test(size=(120, 40)) as pilot:
                await until(pilot, lambda: app.row is not None)
                await pilot.press("o")
                await until(pilot, lambda: isinstance(app.screen, Dialog), "proof")
                await until(pilot, lambda: "PROVED by the PC." in screen(app))
                await until(pilot, lambda: "still has" in screen(app))
                await pilot.press("escape")

                await pilot.press("y")
                await until(pilot, lambda: app.copied, "copied")
                assert app.copied == f"deployer push --target sim --no-run {path}"

                await pilot.press("question_mark")
                await until(pilot, lambda: isinstance(app.screen, Help))
                await until(pilot, lambda: "Push a file" in screen(app))
                await pilot.press("escape")

                await pilot.press("slash")
                await pilot.press(*"nosuch")
                await until(pilot, lambda: identity not in _list(app), "filtered away")
                await pilot.press("escape")
                await until(pilot, lambda: identity in _list(app), "all again")

                log = app.query_one(Log)
                sizes = (not log.display, log.has_class("-tall"))
                for _ in range(2):
                    await pilot.press("l")
                    before = sizes
                    await until(
                        pilot,
                        lambda: (not log.display, log.has_class("-tall")) != before,  # noqa: B023
                        "another log",
                    )
                    sizes = (not log.display, log.has_class("-tall"))

                assert app.theme == "textual-dark"
                await pilot.press("t")
                await until(pilot, lambda: app.theme == "textual-light", "light")

                await pilot.press("q")
                await until(pilot, lambda: not app.is_running, "quit")

    run(story())


def _list(app: object) -> list[str]:
    return [line[0] for line in app.query_one(Sidebar)._shown]  # type: ignore[attr-defined]


def test_quit_asks_when_something_would_end_with_it(tmp_path: Path) -> None:
    async def story() -> None:
        wire = SlowWire(stop_at=STOP)
        async with world(tmp_path, wire) as w:
            app = w.app()
            async with app.run_test(size=(80, 24)) as pilot:
                await w.host.push(order(payload(tmp_path)))
                await until(pilot, lambda: app.row and app.row.current, "moving")
                await pilot.press("ctrl+c")
                await until(pilot, lambda: "To leave, press q" in told(app), "Ctrl-C")
                for key in ("q", "ctrl+q"):
                    await pilot.press(key)
                    await until(pilot, lambda: isinstance(app.screen, Question), f"asked: {key}")
                    await until(pilot, lambda: "1 open" in screen(app))
                    await pilot.press("n")
                    await until(pilot, lambda: not isinstance(app.screen, Question))
                    assert app.is_running

    run(story())


def test_killing_the_face_does_not_disturb_the_transfer(tmp_path: Path) -> None:
    async def story() -> None:
        wire = SlowWire(stop_at=STOP)
        async with world(tmp_path, wire) as w:
            app = w.app()
            async with app.run_test(size=(80, 24)) as pilot:
                identity = await w.host.push(order(payload(tmp_path)))
                await until(pilot, lambda: app.row and app.row.current, "moving")
                app.exit()
            wire.go.set()
            assert await w.ended(identity) == State.PROVED

    run(story())


def test_attached_half_way_shows_the_same(tmp_path: Path) -> None:
    async def story() -> None:
        wire = SlowWire(stop_at=STOP, faults="flip@700000")
        async with world(tmp_path, wire) as w:
            first, late = w.app(), w.app()
            async with first.run_test(size=(80, 24)) as pilot:
                identity = await w.host.push(order(payload(tmp_path)))
                await until(pilot, lambda: first.row and first.row.current, "moving")
                async with late.run_test(size=(80, 24)) as other:
                    await until(other, lambda: late.row and late.row.current, "attached")
                    wire.go.set()
                    assert await w.ended(identity) == State.PROVED
                    await until(pilot, lambda: first.row.state == State.PROVED)
                    await until(other, lambda: late.row.state == State.PROVED)
                    same = (first.rows[identity], late.rows[identity])
                    ticks = {"tick_at": 0.0, "seen_at": 0.0, "screen": ()}
                    assert _without(same[0], **ticks) == _without(same[1], **ticks)
                    assert len(same[0].refetched) == 1

    run(story())


def _without(row: Row, **fields: object) -> Row:
    return replace(row, **fields)


def _fits(app: object, size: tuple[int, int]) -> bool:
    lines = screen(app).splitlines()
    return len(lines) == size[1] and max(map(len, lines)) <= size[0]


def test_it_follows_the_size_of_the_window(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as w:
            app = w.app()
            async with app.run_test(size=(80, 24)) as pilot:
                for size in ((60, 16), (200, 60), (40, 12), (80, 24)):
                    await pilot.resize_terminal(*size)
                    await until(pilot, lambda size=size: _fits(app, size), f"{size}")
                    assert app.query_one(Detail).size.width > 0
                assert app.query_one("#title", Static).display

    run(story())
