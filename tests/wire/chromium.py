"""Headless Chromium in a namespace, spoken to through a pipe by its DevTools protocol."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.wire.conftest import Machine

PATIENCE = 40.0
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)  # fmt: skip


class Chromium:
    """One window of a fresh browser."""

    def __init__(self, machine: Machine, home: Path) -> None:
        ours, self._out = os.pipe()
        self._in, theirs = os.pipe()
        # Chromium reads its orders from 3 and answers on 4.
        words = ["bash", "-c", f'exec "$@" 3<&{ours} 4>&{theirs}', "bash", "chromium", *OPTIONS]
        self._process = subprocess.Popen(
            machine.command(*words, f"--user-data-dir={home}", "about:blank"),
            pass_fds=(ours, theirs), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "HOME": str(home)},
        )  # fmt: skip
        os.close(ours)
        os.close(theirs)
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._session = ""
        self.asked: list[str] = []
        self.complaints: list[str] = []
        targets = self.order("Target.getTargets")["targetInfos"]
        target = next(each["targetId"] for each in targets if each["type"] == "page")
        self._session = self.order("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.order(f"{domain}.enable")

    def order(self, method: str, **values: Any) -> Any:
        """Do something; the answer. What happens meanwhile is noted."""
        number = next(self._numbers)
        words = {"id": number, "method": method, "params": values}
        if self._session:
            words["sessionId"] = self._session
        os.write(self._out, json.dumps(words).encode() + b"\0")
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            said = self._hear(until)
            if said.get("id") == number:
                assert "error" not in said, said
                return said["result"]
        raise AssertionError(f"no answer to {method}")

    def _hear(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(until - time.monotonic(), 0))
            assert ready, "Chromium says nothing"
            data = os.read(self._in, 1 << 16)
            assert data, "Chromium has ended"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        said: dict[str, Any] = json.loads(line)
        match said.get("method"):
            case "Network.requestWillBeSent":
                self.asked.append(said["params"]["request"]["url"])
            case "Runtime.exceptionThrown" | "Log.entryAdded":
                self.complaints.append(json.dumps(said["params"])[:500])
        return said

    def go(self, url: str) -> None:
        """Open a page."""
        self.order("Page.navigate", url=url)

    def js(self, code: str) -> Any:
        """The value of an expression; a promise is waited for."""
        told = self.order(
            "Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait_for(self, code: str, good: Callable[[Any], bool] = bool) -> Any:
        """The first good value of an expression."""
        until = time.monotonic() + PATIENCE
        while not good(found := self.js(code)):
            assert time.monotonic() < until, (code, found, self.complaints)
            time.sleep(0.05)
        return found

    def picture(self, path: Path) -> None:
        """A screenshot."""
        path.write_bytes(base64.b64decode(self.order("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """End it and all of its children."""
        for pipe in (self._out, self._in):
            os.close(pipe)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)
            self._process.wait(5)
