"""The live page in every size, state and light: `python -m tests.face.page_pictures` draws it.

The pictures are for looking at, in build/pictures, from the same events as those of the window.
They need Chromium. The page gets what it asks for from here, as a daemon would answer.
"""

from __future__ import annotations

import functools
import json
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from deployer.core.view import fold_all
from deployer.events import Event, to_dict
from deployer.face import card, web, words
from tests.face.screenshots import DRAWN, STATES
from tests.face.test_tui_screens import EVENTS, NOW
from tests.wire.chromium import Chromium

WEB = Path(next(iter(web.__path__)))
SIZES = ((390, 844), (640, 480), (1280, 800))
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class Page(BaseHTTPRequestHandler):
    """A daemon that has told its events, and has nothing more to tell."""

    def __init__(self, events: Sequence[Event], *rest: Any) -> None:
        self.events = events
        super().__init__(*rest)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/v1/before":
            nothing = {"rows": [], "seq": 0, "count": 0, "wire": None, "agents": []}
            self.answer(json.dumps(nothing), "application/json")
        elif path.startswith("/v1/card/"):
            row = fold_all(self.events)[path.rpartition("/")[2]]
            self.answer(json.dumps({"lines": card.live(row, NOW)}), "application/json")
        elif path == "/v1/events":
            self.answer("".join(map(told, enumerate(self.events, 1))), "text/event-stream")
            while not self.wfile.closed:  # it ends with the process
                time.sleep(1)
        else:
            file = WEB / (path.lstrip("/") or "index.html")
            self.answer(file.read_text(encoding="utf-8"), KINDS[file.suffix])

    def answer(self, text: str, kind: str) -> None:
        """A whole answer; a stream stays open after it."""
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        if kind != "text/event-stream":
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, *_words: Any) -> None:
        """Nothing."""


def told(numbered: tuple[int, Event]) -> str:
    """An event as the stream has it."""
    number, event = numbered
    said = words.line(event)
    return f"id: {number}\nsaid: {said}\ndata: {json.dumps(to_dict(event))}\n\n"


@dataclass(frozen=True, slots=True)
class Here:
    """This machine, as a browser is started on one."""

    def command(self, *command: str) -> list[str]:
        """The command as it is."""
        return list(command)


def draw(browser: Chromium, name: str) -> None:
    """One state in every size, light and dark."""
    chosen, more = STATES[name]
    answer = functools.partial(Page, [*EVENTS, *more])
    with ThreadingHTTPServer(("127.0.0.1", 0), answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser.go(f"http://127.0.0.1:{server.server_port}/#token")
        button = f"document.querySelector('[data-deployment={chosen}]')"
        browser.wait_for(f"document.readyState === 'complete' && !!{button}")
        browser.js(f"{button}.click()")
        title = f"document.getElementById('title').textContent.startsWith('{chosen}')"
        browser.wait_for(title)
        if name == "waiting":
            browser.wait_for("!document.getElementById('card').hidden")
        for (width, height), light in ((size, light) for size in SIZES for light in LIGHTS):
            browser.order(
                "Emulation.setDeviceMetricsOverride",
                width=width, height=height, deviceScaleFactor=1, mobile=width < 500,
            )  # fmt: skip
            feature = {"name": "prefers-color-scheme", "value": light}
            browser.order("Emulation.setEmulatedMedia", features=[feature])
            browser.js("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn, 50)))")
            browser.picture(DRAWN / f"page-{name}-{light}-{width}.png")
        browser.go("about:blank")


LIGHTS = ("light", "dark")


def main() -> None:
    """Draw all of them."""
    DRAWN.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        browser = Chromium(Here(), Path(place))
        try:
            for name in STATES:
                draw(browser, name)
        finally:
            browser.close()
    print(DRAWN)
    os._exit(0)  # streams are still open


if __name__ == "__main__":
    main()
