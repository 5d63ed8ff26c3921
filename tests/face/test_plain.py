"""The plain mode: sentences out, words in; and `deployer proof` over a real deployment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deployer.edge.store import Store
from deployer.errors import DaemonGone, ProofBroken, SourcesDiffer, WrongUse
from deployer.events import Event, PauseChanged
from deployer.face.tui.plain import HELP, Plain
from deployer.host.requests import Order
from deployer.model import RESULT_TXT, LineSettings, State
from deployer.settings import Settings
from tests.commandline import called
from tests.face.oldpc import Scripted, order, payload, world
from tests.face.test_tui_screens import EVENTS, NOW


def talk(*typed: str, events: int = len(EVENTS)) -> tuple[list[str], list[str]]:
    """What is said to the typed lines, and what the host was asked."""
    said: list[str] = []
    host = Scripted(EVENTS[:events])

    async def lines() -> AsyncIterator[str]:
        while not session.rows and events:
            await asyncio.sleep(0)
        for line in typed:
            yield line

    session = Plain(host, Settings(), said.append, clock=lambda: NOW)

    async def story() -> None:
        watching = asyncio.create_task(session.watch())
        await asyncio.sleep(0)
        await session.obey(lines())
        watching.cancel()

    asyncio.run(asyncio.wait_for(story(), 20))
    return said, host.asked


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("help", HELP[0]),
        ("list", "D7F3A21C for 192.168.1.2: fetching part 3 of 16"),
        ("list D0000002", "D0000002 for sim: failed: no sign of life"),
        ("list nothing like it", "None."),
        ("status", "2 of 16 parts proved"),
        ("status d0000001", "D0000001 for the old PC at 192.168.1.2: proved"),
        ("card D0000003", "[>] C:\\WINDOWS> FTP"),
        ("proof D0000001", "PROVED by the PC."),
        ("copy D0000001", "deployer push --target 192.168.1.2"),
        ("look x.bin", "nothing is recognised here."),
        ("status D9999999", "There is no deployment D9999999."),
        ("dance", "dance: not understood.\nType help."),
        ("copy 'x", "Close the quotes."),
        ("push nowhere x.bin", "neither an address"),
    ],
)
def test_a_word_is_answered_in_words(typed: str, part: str) -> None:
    said, _asked = talk(typed)
    assert any(part in line for line in said), said
    assert not any("\x1b" in line for line in said)


def test_requests_reach_the_host_and_quit_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.bin").write_bytes(b"a")
    typed = ("pause", "resume D7F3A21C", "cancel D7F3A21C", "retry D0000002", "push sim a.bin")
    _said, asked = talk(*typed, "", "quit", "pause")
    assert asked == [
        "pause D7F3A21C", "resume D7F3A21C", "cancel D7F3A21C", "retry D0000002", "push sim",
    ]  # fmt: skip


class Away(Scripted):
    """A daemon that goes away after its events, and comes back with one more."""

    looks = 0

    async def last_seq(self) -> int:
        self.looks += 1
        if self.looks in (2, 3):
            raise DaemonGone(socket="/run/x.sock")
        return len(self.events)

    async def subscribe(self, since: int | None = None) -> AsyncIterator[tuple[int, Event]]:
        if self.looks > 1:
            self.events = [*EVENTS, PauseChanged(NOW, "D7F3A21C", True)]
        async for seq, event in super().subscribe(since):
            if seq > (since or 0):
                yield seq, event
            if self.looks == 1 and seq == len(self.events):
                raise DaemonGone(socket="/run/x.sock")


def test_a_daemon_that_goes_away_is_waited_for_and_nothing_is_said_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deployer.face.tui.plain._RETURN", 0.01)
    said: list[str] = []

    async def story() -> None:
        session = Plain(Away(EVENTS), Settings(), said.append, clock=lambda: NOW)
        watching = asyncio.create_task(session.watch())
        while not any("paused" in line for line in said):
            await asyncio.sleep(0.01)
        watching.cancel()

    asyncio.run(asyncio.wait_for(story(), 60))
    counted, gone, again, paused = said
    assert counted.startswith("4 deployments so far")
    assert "/run/x.sock does not answer" in gone
    assert again == "Connected again."
    assert paused == "D7F3A21C: paused: the next part waits"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("push serial:/dev/ttyS0 x.bin", LineSettings()),
        ("push serial:/dev/ttyS0 --speed=9600 x.bin --flow=none", LineSettings(9600, "none")),
        ("push serial:/dev/ttyS0 --speed=fast x.bin", None),
        ("push serial:/dev/ttyS0 --flow x.bin", None),
    ],
)
def test_a_serial_line_is_set_as_push_sets_it(typed: str, expected: LineSettings | None) -> None:
    orders: list[Order] = []

    class Noting(Scripted):
        async def push(self, order: Order) -> str:
            orders.append(order)
            return ""

    said: list[str] = []
    session = Plain(Noting([]), Settings(), said.append)
    if expected is None:
        with pytest.raises(WrongUse, match="not understood"):
            asyncio.run(session.do(typed))
    else:
        asyncio.run(session.do(typed))
        (order,) = orders
        assert (order.line, order.request.files) == (expected, (Path("x.bin"),))


def test_an_empty_store_says_how_to_begin() -> None:
    said, _asked = talk("status", events=0)
    assert "push sim FILE" in said[0]


def test_the_past_of_a_machine_that_has_none_is_said_to_be_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for event in EVENTS:
        store.append(event)
    store.close()

    def history(*words: str) -> str:
        return called("history", "--state-dir", str(tmp_path), *words)

    for more in ((), ("--plot", str(tmp_path / "x.svg"))):
        with pytest.raises(WrongUse) as error:
            history("--target", "192.168.1.99", *more)
        assert error.value.what == "Nothing has been pushed to 192.168.1.99 yet."
        assert error.value.remedy == "There is a past of: 192.168.1.2, 192.168.1.3, sim."
    assert history("--target", "192.168.1.99", "--json") == ""
    assert "D7F3A21C" in history("--target", "192.168.1.2")


def test_proof_is_checked_again_and_a_forged_report_is_noticed(tmp_path: Path) -> None:
    path = payload(tmp_path, 1000)

    async def story() -> str:
        async with world(tmp_path) as w:
            identity = await w.host.push(order(path))
            assert await w.ended(identity) == State.PROVED
            return identity

    identity = asyncio.run(asyncio.wait_for(story(), 60))
    state = ("--state-dir", str(tmp_path / "state"))

    def proof(*more: str) -> str:
        return called("proof", identity, *state, *more)

    out = proof()
    assert "PROVED by the PC." in out
    assert "[ok] RESULT.TXT: its closing checksum is right" in out
    assert "still has this SHA-256" in out
    assert json.loads(proof("--json"))["proof"]["proved"] is True

    path.write_bytes(b"another")
    with pytest.raises(SourcesDiffer, match="is another file now"):
        proof()

    kept = tmp_path / "state" / "inbox" / identity / RESULT_TXT
    kept.write_bytes(kept.read_bytes().replace(b"good", b"GOOD"))
    with pytest.raises(ProofBroken, match="closing checksum is wrong"):
        proof()
