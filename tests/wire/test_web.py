"""The live page in a real browser, over a real transfer; and what its address keeps from others."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.core.agents import overlay
from deployer.core.partmap import field_of
from deployer.core.view import Row, View, fold
from deployer.edge.store import Store
from deployer.edge.store.agents import KnownAgent
from deployer.events import from_json, to_dict
from deployer.host.past import recorded
from tests import needs
from tests.waiting import until
from tests.wire.chromium import Chromium
from tests.wire.test_daemon import Bench, bench, ended, random_file, slow
from tests.wire.test_watch import unplug

__all__ = ["bench"]

STATES = "[...document.querySelectorAll('#map span')].map(e => e.className).join(' ')"
ROOMS = [3, 20, 300]
"""How many blocks there is room for: fewer than parts, and more."""
PAGE = "document.querySelector('nav').outerHTML + document.getElementById('chosen').outerHTML"
FOLD = """
(async () => {
  const { fold, hereBytes } = await import("/fold.js");
  const { fieldOf } = await import("/partmap.js");
  const rows = new Map();
  return EVENTS.map((event) => {
    const row = rows.get(fold(rows, event));
    return row ? [row.state, row.reason, row.attempt, row.moved, hereBytes(row), row.paused,
      [...row.parts.values()].map((p) => [p.name, p.state, p.moved, p.fetches, p.why]),
      ROOMS.map((room) => fieldOf([...row.parts.values()], room).cells)] : null;
  });
})()
"""


def text(name: str) -> str:
    """JavaScript: what an element says; "" while there is none."""
    return f"document.getElementById('{name}')?.textContent ?? ''"


@pytest.fixture
def browser(bench: Bench) -> Iterator[Chromium]:
    needs.require("chromium")
    browser = Chromium(bench.lab.host, bench.place / "browser")
    try:
        yield browser
    finally:
        browser.close()


def page(bench: Bench) -> tuple[str, str]:
    """The page's address and its token, as the daemon shows them."""
    found = re.search(r"page: (http://127\.0\.0\.1:\d+/)#(\S+)", bench.log)
    assert found is not None, bench.log
    return found[1], found[2]


def told(bench: Bench) -> list[dict[str, Any]]:
    """Every stored event, in full."""
    return [to_dict(event) for _seq, event in recorded(bench.state / "served")]


def test_the_page_shows_a_transfer_and_its_end(bench: Bench, browser: Chromium) -> None:
    """Opened half-way; a part is damaged and another cut off, so every sign of the map is there."""
    bench.user = "nobody"
    slow(bench, "2mbit")
    bench.serve("--web", 0)
    url, token = page(bench)
    file = random_file(bench.place / "big.img", 2_000_000)
    identity = ended(bench.push(file, "--no-run", "--part-size", "256K", "--detach"))[0][
        "deployment"
    ]
    bench.pc("--fault", "flip@400000,cut@1000000")
    until(lambda: bench.told("transfer-started", name="BIG.003"))
    browser.go(f"{url}#{token}")
    assert browser.wait_for(text("line"), lambda t: t == "live")
    seen = browser.wait_for(STATES, lambda states: "moving" in states)
    assert len(seen.split()) > 100, "each part in slices"
    assert identity in browser.js(text("title"))
    assert token not in browser.js("location.href")
    browser.wait_for(text("state"), lambda t: t == "proved")
    assert set(browser.js(STATES).split()) == {"verified"}
    proof = browser.js(text("proof"))
    assert "BIG.IMG  SHA-256" in proof
    assert browser.asked
    strangers = [u for u in browser.asked if not u.startswith((url, "data:", "about:"))]
    assert strangers == []
    assert browser.complaints == []
    agree(browser, told(bench))
    shown = browser.js(PAGE)
    begin_again(browser, f"{url}#{token}")
    assert browser.js(PAGE) == shown, "the rows that are kept show what the events have shown"
    unplug(bench.lab)
    browser.wait_for(text("wire"), lambda words: "wire0 is gone from this computer" in words)
    begin_again(browser, f"{url}#{token}")
    assert "wire0 is gone" in browser.js(text("wire"))


def test_the_page_shows_agents_and_the_last_screen_of_one(bench: Bench, browser: Chromium) -> None:
    agent, secret = "A-0123ABCD", "00112233445566778899aabbccddeeff"
    store = Store(bench.state / "served")
    store.agents.enrol(KnownAgent(agent, "192.168.1.2", "beige", 1.0), overlay.fingerprint(secret))
    store.close()
    bench.serve("--web", 0)
    url, token = page(bench)
    browser.go(f"{url}#{token}")
    browser.wait_for(text("agentlist"), lambda words: "beige (192.168.1.2) is gone" in words)
    program = Path(__file__).with_name("lab_pcs.py")
    bench.lab.target.start(sys.executable, program, "192.168.1.1", agent, secret)
    browser.wait_for(text("agentlist"), lambda words: "beige (192.168.1.2) waits for work" in words)
    assert browser.js("document.getElementById('shot').hidden")
    shot = bench.place / "shot.png"
    command = ["env", f"DEPLOYER_SOCKET={bench.socket}", sys.executable, "-m", "deployer", "screen",
               "beige", "--out", str(shot), "--state-dir", str(bench.state)]  # fmt: skip
    bench.lab.host.sh(*command)
    wide = "document.getElementById('shotpicture')?.naturalWidth ?? 0"
    assert browser.wait_for(wide, lambda width: width) == 64
    assert browser.js(text("shotof")) == "The last screen: beige"
    browser.go("about:blank")
    browser.go(f"{url}#{token}")
    assert browser.wait_for(wide, lambda width: width) == 64, "also when it is opened later"
    assert browser.complaints == []


def begin_again(browser: Chromium, address: str) -> None:
    """Open the page anew: it asks for what it shows, not for the whole past."""
    browser.go("about:blank")
    browser.asked.clear()
    browser.go(address)
    browser.wait_for(text("line"), lambda t: t == "live")
    browser.wait_for(text("state"), bool)
    (asked,) = [url for url in browser.asked if "/v1/events" in url]
    assert int(asked.rpartition("=")[2]) > 0


def agree(browser: Chromium, events: list[dict[str, Any]]) -> None:
    """The page folds events as all other faces do: the same rows after every single one."""
    expected: list[Any] = []
    view: View = {}
    for event in events:
        view = fold(view, from_json(json.dumps(event)))
        row = view.get(event["deployment"])
        parts = [
            [p.name, str(p.state), p.moved, p.fetches, p.why]
            for p in (row.parts.values() if row else ())
        ]
        expected.append(
            [
                *(str(row.state), row.reason, row.attempt, row.moved, row.here_bytes, row.paused),
                parts,
                [blocks(row, room) for room in ROOMS],
            ]
            if row
            else None
        )
    assert {part[1] for row in expected if row for part in row[6]} == {
        "waiting", "moving", "fetched", "bad", "proved",
    }  # fmt: skip
    code = FOLD.replace("EVENTS", json.dumps(events)).replace("ROOMS", json.dumps(ROOMS))
    assert browser.js(code) == expected


def blocks(row: Row, room: int) -> list[list[Any]]:
    """The map of the parts, as the page has it."""
    cells = field_of(list(row.parts.values()), room).cells
    return [[cell.block.name.lower(), cell.part] for cell in cells]


def test_without_the_token_the_page_shows_nothing(bench: Bench, browser: Chromium) -> None:
    bench.user = "nobody"
    bench.serve("--web", 0)
    url, _token = page(bench)
    for address, words in ((url, "token is missing:"), (f"{url}#wrong", "missing or wrong")):
        browser.go("about:blank")
        browser.go(address)
        browser.wait_for(text("line"), lambda line, words=words: words in line)
        assert browser.js("document.getElementById('chosen').hidden")


FOREIGN = """
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Type", "text/html"); self.end_headers()
        self.wfile.write(b"<title>foreign</title>")
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Page)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def test_a_page_of_another_origin_cannot_read_the_api(bench: Bench, browser: Chromium) -> None:
    """Even one that has got the token."""
    bench.user = "nobody"
    bench.serve("--web", 0)
    url, token = page(bench)
    machine = bench.lab.host
    other = machine.start(sys.executable, "-c", FOREIGN)
    assert other.stdout is not None
    port = int(other.stdout.readline())
    browser.go(f"http://127.0.0.1:{port}/")
    browser.wait_for("document.title", lambda title: title == "foreign")
    for options in ("{}", f"{{headers: {{Authorization: 'Bearer {token}'}}}}"):
        code = f"fetch('{url}v1/status', {options}).then(a => a.text(), e => 'refused')"
        assert browser.js(code) == "refused"
    frame = (
        f"new Promise(done => {{ const f = document.createElement('iframe'); f.src = '{url}';"
        "f.onload = () => { let seen = 'nothing'; try { seen = f.contentDocument.body.innerText }"
        "catch (e) {} done(seen || 'nothing') }; document.documentElement.append(f) })"
    )
    assert browser.js(frame) == "nothing"
