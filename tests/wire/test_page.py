"""The first-contact page of a plain push: no daemon runs, and the browser is a way all the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.wire.test_daemon import (
    BY_FTP,
    NOBODY,
    TARGET,
    Bench,
    bench,
    ended,
    random_file,
    raw,
    until_served,
)

__all__ = ["bench"]

PUSH = [sys.executable, "-m", "deployer", "push", "--target", TARGET]
LAST_WAY = "With FTP, in Start, Programs, MS-DOS Prompt"


def test_a_plain_push_serves_the_page_and_takes_it_back(bench: Bench) -> None:
    before = bench.lab.host.picture()
    file = random_file(bench.place / "driver.img", 300_000)
    words = [str(file), "--no-run", "--json", "--state-dir", str(bench.state), "--timeout", "90"]
    push = bench.start([*PUSH, *words], stdout=subprocess.PIPE)
    events: list[dict[str, Any]] = [json.loads(line) for line in until_served(push)]
    identity = events[-1]["deployment"]
    url = "http://192.168.1.1/"
    page = bench.lab.target.sh("curl", "-sS", "--fail", "--http1.0", url)
    assert f'HREF="/{identity}/GO.BAT"' in page
    assert "FTP 192.168.1.1" in page
    wanted = raw(bench, sys.executable, "-c", BY_FTP)
    assert raw(bench, "curl", "-sS", "--fail", "--http1.0", f"{url}{identity}/GO.BAT") == wanted
    bench.pc()
    events += ended(push)
    assert events[-1]["state"] == "proved"
    listening = [event for event in events if event["event"] == "server-listening"]
    told = [(event["protocol"], event["address"], event["port"]) for event in listening]
    assert told == [("http", "192.168.1.1", 80), ("ftp", "192.168.1.1", 21)]
    fetched = [e for e in events if e["event"] == "transfer-done" and e["name"] == "GO.BAT"]
    assert len(fetched) == 3  # by curl, by FTP, by the PC
    assert bench.lab.host.picture() == before
    assert bench.lab.host.sh("ss", "-Hltn") == ""


def card_of(push: subprocess.Popen[str]) -> str:
    """What push says before it waits; then it is stopped."""
    assert push.stdout is not None
    lines: list[str] = []
    for line in push.stdout:
        lines.append(line)
        if line.rstrip().endswith("GO") and any(LAST_WAY in before for before in lines):
            break
    push.send_signal(signal.SIGINT)
    out, _ = push.communicate(timeout=60)
    assert push.returncode == 130, "".join(lines) + out
    return "".join(lines)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "http://192.168.1.1"),
        (["--http-port", "8080"], "http://192.168.1.1:8080"),
        (["--no-http"], ""),
        (["--ftp-port", "2121"], ""),
        (["--ftp-port", "2121", "--http-port", "80"], "http://192.168.1.1"),
    ],
)
def test_the_card_offers_the_browser_where_it_can(
    bench: Bench, options: list[str], says: str
) -> None:
    file = random_file(bench.place / "driver.img", 3000)
    words = [str(file), "--no-run", "--state-dir", str(bench.state), *options]
    card = card_of(bench.start([*PUSH, *words], stdout=subprocess.PIPE))
    assert card.count(LAST_WAY) == 1
    assert (says in card.split()) if says else ("http:" not in card)


def test_a_taken_port_80_costs_only_the_browser(bench: Bench) -> None:
    bench.lab.host.listen("0.0.0.0", 80)
    file = random_file(bench.place / "driver.img", 3000)
    words = [str(file), "--no-run", "--json", "--state-dir", str(bench.state), "--timeout", "90"]
    push = bench.start([*PUSH, *words], stdout=subprocess.PIPE)
    events = [json.loads(line) for line in until_served(push)]
    bench.pc()
    events += ended(push)
    assert events[-1]["state"] == "proved"
    assert {e["protocol"] for e in events if e["event"] == "server-listening"} == {"ftp"}


def test_a_forbidden_port_80_costs_only_the_browser(bench: Bench) -> None:
    bench.lab.host.ip("addr add 192.168.1.1/24 dev wire0")
    bench.lab.host.ip("link set wire0 up")
    file = random_file(bench.place / "driver.img", 3000)
    words = [str(file), "--no-run", "--state-dir", str(bench.place / "home" / "state")]
    ports = ["--ftp-port", "2121", "--http-port", "80"]
    card = card_of(bench.start([*NOBODY, *PUSH, *words, *ports], stdout=subprocess.PIPE))
    assert "http:" not in card


def test_a_daemon_on_demand_has_the_page_from_the_first_push_on(bench: Bench) -> None:
    bench.serve("--on-demand")
    assert bench.lab.host.sh("ss", "-Hltn") == ""
    file = random_file(bench.place / "driver.img", 3000)
    events = ended(bench.push(file, "--no-run", "--detach"))
    url = f"http://192.168.1.1/{events[0]['deployment']}/GO.BAT"
    assert b"@ECHO OFF" in raw(bench, "curl", "-sS", "--fail", "--http1.0", url)
