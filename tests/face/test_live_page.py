"""The live page for a phone: its address as a code, where it may be opened, what it says."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest
import segno

from deployer.__main__ import run
from deployer.face import card, qr, words
from deployer.host import daemon
from deployer.host.requests import PageWords
from tests.host.test_api import TARGET, Daemon, DaemonClient, order, play

PAGE = f"http://192.168.100.100:8098/#{'x' * 32}"
UPPER, LOWER = " ▀", " ▄"


def test_the_code_in_the_terminal_is_the_address() -> None:
    lines = [
        line.removeprefix("\x1b[38;5;16;48;5;231m").removesuffix("\x1b[0m")
        for line in qr.code(PAGE).splitlines()
    ]
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24
    halves = itertools.chain.from_iterable(
        ([c in "▀█" for c in line], [c in "▄█" for c in line]) for line in lines
    )
    wanted = [
        [bool(dark) for dark in row] for row in segno.make(PAGE, error="l").matrix_iter(border=2)
    ]
    assert list(halves)[: len(wanted)] == wanted


@pytest.mark.parametrize("address", ["0.0.0.0", "224.0.0.1", "::", "phone", "http://192.168.1.5"])
def test_the_page_is_opened_on_one_address_never_on_all(
    address: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["serve", "--web-address", address, "--state-dir", str(tmp_path / "s")]) == 1
    assert "--web-address" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_by_which_names_it_may_be_called() -> None:
    assert daemon.page_hosts("127.0.0.1", 8098) == {"127.0.0.1:8098", "localhost:8098"}
    assert daemon.page_hosts("192.168.7.2", 8098) == {"192.168.7.2:8098"}
    assert daemon.page_hosts("192.168.7.2", 80) == {"192.168.7.2:80", "192.168.7.2"}


def test_the_page_has_the_card_and_the_events_in_the_words_of_the_command_line(
    tmp_path: Path,
) -> None:
    payload = tmp_path / "READ.TXT"
    payload.write_bytes(b"hello\r\n")
    page = PageWords(lambda row: card.live(row, time.time()), words.line, print)

    async def scenario(served: Daemon, face: DaemonClient) -> None:
        deployment = await face.push(order(payload))
        async with served.over_tcp() as http:
            lines = (await http.get(f"/v1/card/{deployment}")).json()["lines"]
            assert any("get GO.BAT" in line for line in lines)
            async with http.stream("GET", "/v1/events?since=0") as events:
                said = [
                    line.removeprefix("said: ")
                    async for line in until_waiting(events.aiter_lines())
                    if line.startswith("said: ")
                ]
        assert f"staged for the old PC at {TARGET}: 1 file, 7 bytes" in said
        async with served.over_tcp(authorization="Bearer wrong") as http:
            assert (await http.get(f"/v1/card/{deployment}")).status_code == 401

    play(tmp_path, scenario, page)


async def until_waiting(lines):
    """The lines of a stream up to the event that something waits."""
    async for line in lines:
        yield line
        if '"state":"waiting"' in line:
            return
