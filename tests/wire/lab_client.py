"""Somebody in a lab of many hosts, on no PC's wire: acquires places, pushes to all, works with one.

    python lab_client.py FOLDER COORDINATOR FILE WORK PLACE...

A place is named as its exporter and its resource: one/pc1. WORK is `acquire`, `all` (a push to each
at once), or `one` (what an agent can do on the first). Prints JSON, one object a line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labgrid import Environment
from labgrid.remote.client import start_session
from labgrid.remote.generated import labgrid_coordinator_pb2 as pb2

from deployer.bench import BenchPayload, TargetResult, Watchers
from deployer.bench.labgrid_driver import provision_places
from deployer.host.requests import Request


def say(what: str, **more: Any) -> None:
    print(json.dumps({"what": what, **more}), flush=True)


def name_of(place: str) -> str:
    return place.replace("/", "-")


def acquire(coordinator: str, places: list[str]) -> None:
    """Make and acquire each."""
    session = start_session(coordinator, extra={})

    async def work() -> None:
        for place in places:
            name = name_of(place)
            await session.stub.AddPlace(pb2.AddPlaceRequest(name=name))
            pattern = f"{place}/NetworkOldPC"
            await session.stub.AddPlaceMatch(
                pb2.AddPlaceMatchRequest(placename=name, pattern=pattern)
            )
            await session.stub.AcquirePlace(pb2.AcquirePlaceRequest(placename=name))
        await session.sync_with_coordinator()

    session.loop.run_until_complete(work())
    say("acquired", places=sorted(session.places))


def environment(folder: Path, coordinator: str, places: list[str]) -> Path:
    targets = {
        name_of(place): {
            "resources": {"RemotePlace": {"name": name_of(place)}},
            "drivers": {"DeployerDriver": {"deadline": 120}, "DeployerConsoleDriver": {}},
        }
        for place in places
    }
    written = {
        "imports": ["deployer.bench.labgrid_driver"],
        "options": {"coordinator_address": coordinator},
        "targets": targets,
    }
    path = folder / "env.yaml"
    path.write_text(json.dumps(written))
    return path


def push_to_all(path: Path, folder: Path, file: Path, **more: Any) -> None:
    def ended(result: TargetResult) -> None:
        say("ended", name=result.name, outcome=result.outcome, seconds=result.seconds)

    def doing(name: str, _step: str) -> None:
        say("begun", name=name)

    payload = BenchPayload(file.name, Request((file,), no_run=True))
    results = provision_places(
        path, payload, watchers=Watchers(ended=ended, doing=doing), state_dir=folder / "state",
        retries=0, deadline=1500.0, **more,
    )  # fmt: skip
    found = {
        target.name: {
            "outcome": target.outcome, "reason": target.reason, "seconds": target.seconds,
        }
        for target in results
    }  # fmt: skip
    say("results", seconds=results.seconds, results=found)


def work_with_one(path: Path, folder: Path, file: Path) -> Iterator[tuple[str, Any]]:
    target = Environment(str(path)).get_target(name_of(sys.argv[5]))
    driver = target.get_driver("DeployerDriver")
    yield "proved", driver.push(str(file)).proved
    yield "ran", driver.run("ENDS 3")
    driver.put(str(file), "C:\\IN.BIN")
    driver.get("C:\\IN.BIN", str(folder / "back.bin"))
    yield "back", (folder / "back.bin").read_bytes() == file.read_bytes()
    driver.get("C:\\LOG.TXT", str(folder / "log.txt"))
    yield "log", (folder / "log.txt").read_text()
    console = target.get_driver("ConsoleProtocol")
    console.sendline("ENDS 7")
    yield "console", console.expect(r"\[exit (\d)\]")[2][1].decode()
    target.deactivate_all_drivers()


def main(folder: Path, coordinator: str, file: Path, work: str, places: list[str]) -> None:
    if work == "acquire":  # a process of its own: a client has one session with a coordinator
        acquire(coordinator, places)
        return
    path = environment(folder, coordinator, places)
    if work == "all":
        push_to_all(path, folder, file, force=True)
    else:
        say("one", **dict(work_with_one(path, folder, file)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4], sys.argv[5:])
