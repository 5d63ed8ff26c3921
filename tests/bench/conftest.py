"""Light targets on loopback, each with an address of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployer.bench import Bench, BenchPayload, BenchTarget, BenchWire, Results, Watchers, provision
from deployer.events import Event, ServerListening, TransferDone
from deployer.host.requests import Request
from tests.bench.scripted import ScriptedPC

WIRE = BenchWire("127.0.0.1/8", ftp_port=0, link=False)


@dataclass
class World:
    """Files, light PCs, and runs over them."""

    folder: Path
    events: list[Event] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    pcs: dict[str, ScriptedPC] = field(default_factory=dict)
    port: int = 0
    wire: BenchWire = WIRE
    at_event: Callable[[Event], object] = lambda _event: None

    def payload(self, name: str = "data", length: int = 300_000, **more: Any) -> BenchPayload:
        path = self.folder / f"{name}.bin"
        if not path.exists():
            path.write_bytes(random.Random(name).randbytes(length))
        request = Request((path,), no_run="run" not in more, part_size=64 << 10,
                          run=more.pop("run", ""))  # fmt: skip
        return BenchPayload(name, request, **more)

    def target(self, number: int, *payloads: BenchPayload, **more: Any) -> BenchTarget:
        values: dict[str, Any] = {"backoff": 0.05, "deadline": 60.0, "silence": 20.0, **more}
        if not payloads and "steps" not in more:
            payloads = (self.payload(),)
        return BenchTarget(f"pc{number:02d}", f"127.0.1.{number}", payloads=payloads, **values)

    def pc(self, number: int, **more: Any) -> ScriptedPC:
        """Switch a light PC on."""
        pc = ScriptedPC(f"127.0.1.{number}", "127.0.0.1", lambda: self.port, **more)
        self.pcs[f"pc{number:02d}"] = pc
        return pc.start()

    def run(self, *targets: BenchTarget, jobs: int = 32, **more: Any) -> Results:
        self.events.clear()
        return provision(
            Bench(targets, self.wire, jobs, str(self.folder / "bench.toml")),
            state_dir=self.folder / "state",
            watchers=Watchers(self._event, lambda who, line: self.said.append((who, line))),
            **more,
        )

    def _event(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, ServerListening):
            self.port = event.port
        self.at_event(event)

    def moved(self) -> list[str]:
        """Parts that went over the wire in the last run."""
        return [
            event.name
            for event in self.events
            if isinstance(event, TransferDone) and event.name[-3:].isdigit()
        ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    for pc in world.pcs.values():
        pc.stop()


@pytest.fixture(autouse=True)
def _no_daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A daemon of this computer is none of these tests' business."""
    monkeypatch.setenv("DEPLOYER_SOCKET", str(tmp_path / "no-daemon.sock"))
