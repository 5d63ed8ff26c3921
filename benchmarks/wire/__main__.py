"""Measures a whole push over a slow wire: `python -m benchmarks.wire`. Needs root, iproute2, gcc.

Two network namespaces on one switch, and on the old PC's port of it a bucket (tbf) that lets 10
Mbit/s of whole Ethernet frames through, as an old card would. Nothing outside of them is touched.
On the host's side everything is real: `deployer push` sets the address, serves, waits, and gives it
back. The old PC is native_pc.py: the helper's own C sources built for this computer, and FTP in
active mode. The emulated Pentium II would need seconds of this computer's time to check 16 MiB, in
which nothing moves; how long a real one needs is not known here, so neither is in the figure, and
the seconds that the native helper took are shown beside it.

What is asked: proved within 1.10 x (bytes / line rate), counted from the first call of the old PC
to the proof, everything between included but the launch of a program. And with the cable pulled
three times for five seconds: proved, and not more sent again than the parts that were in flight.

    --mib N        size of the file in MiB (16)
    --mbit N       line rate in Mbit/s (10)
    --pulls N      how often the cable is pulled (3), each time for --gap seconds (5)
    --json         one JSON object instead of the table
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests import needs
from tests.wire.conftest import Lab, Machine

ROOT = Path(__file__).resolve().parents[2]
HELPER = ROOT / "payloads" / "build" / "hosted" / "DEPLOY98"
HOST, TARGET = "192.168.1.1", "192.168.1.2"
FRAME = 1514
"""Bytes of a full Ethernet frame, as the bucket counts them; 1,448 of them are payload."""

_LIMIT = 1.10
_PATIENCE = 300.0
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Figure:
    """One push. Seconds; `factor` is against bytes / line rate."""

    what: str
    length: int
    line_seconds: float
    seconds: float
    away_seconds: float
    factor: float
    helper_seconds: float
    sessions: int
    sent_again: int
    parts_again: int
    cuts: int
    proved: bool
    as_before: bool


class Cable:
    """Pulls the old PC's cable whenever another share of the bytes has moved."""

    def __init__(self, lab: Lab, length: int, pulls: int, gap: float) -> None:
        self._lab = lab
        self._moved: dict[str, int] = {}
        self._marks = [length * number // (pulls + 1) for number in range(1, pulls + 1)]
        self._gap = gap
        self.away = 0.0
        self._thread: threading.Thread | None = None

    def saw(self, event: dict[str, Any]) -> None:
        """An event of the push."""
        if event["event"] in ("transfer-tick", "transfer-done") and not event.get("upload"):
            moved = event.get("moved", event["length"])
            if event["name"].rpartition(".")[2].isdigit():
                self._moved[event["name"]] = moved
        idle = self._thread is None or not self._thread.is_alive()
        if self._marks and idle and sum(self._moved.values()) >= self._marks[0]:
            self._marks.pop(0)
            self._thread = threading.Thread(target=self._pull)
            self._thread.start()

    def _pull(self) -> None:
        self._lab.pull("target")
        time.sleep(self._gap)
        self._lab.push_in("target")
        self.away += self._gap

    def join(self) -> None:
        """Wait until it is plugged in for good."""
        if self._thread is not None:
            self._thread.join(self._gap + 5)


def build_helper() -> None:
    """The helper for this computer, from the sources of the one for the old PC."""
    make = ["make", "-s", "-C", str(ROOT / "payloads"), "hosted"]
    subprocess.run(make, check=True, timeout=_PATIENCE, stdout=subprocess.DEVNULL)


def start(machine: Machine, *words: object) -> subprocess.Popen[str]:
    """One of our programs inside a machine."""
    return subprocess.Popen(
        machine.command(sys.executable, *map(str, words)),
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def measure(what: str, options: argparse.Namespace, pulls: int) -> Figure:
    """One push over a fresh wire."""
    length = int(options.mib * (1 << 20))
    lab = Lab(f"dwb{os.getpid() % 10000}x{next(_NUMBERS)}")
    with tempfile.TemporaryDirectory(prefix="deployer-wire-") as place:
        try:
            lab.plug(lab.host, "wire0")
            lab.host.ip("link set wire0 up")
            lab.host.ip("link set wire0 down")
            lab.plug(lab.target, "eth0", f"{TARGET}/24")
            # A burst of one frame has every larger bundle of the kernel cut into real frames.
            bucket = f"tbf rate {options.mbit}mbit burst {FRAME + 86} limit 60kb"
            lab.machine("switch").sh("tc", "qdisc", "add", "dev", "target", "root", *bucket.split())
            file = Path(place) / "payload.bin"
            file.write_bytes(random.Random(98).randbytes(length))
            return _push(what, options, lab, file, pulls)
        finally:
            lab.close()


def _push(what: str, options: argparse.Namespace, lab: Lab, file: Path, pulls: int) -> Figure:
    before = lab.host.picture()
    place, length = file.parent, file.stat().st_size
    disk = place / "pc"
    disk.mkdir()
    cable = Cable(lab, length, pulls, options.gap)
    words = ["push", "--target", TARGET, file, "--no-run", "--json", "--state-dir", place / "state"]
    push = start(lab.host, "-m", "deployer", *words, "--timeout", 120)
    pc: subprocess.Popen[str] | None = None
    events = []
    assert push.stdout is not None
    for line in push.stdout:
        event = json.loads(line)
        events.append(event)
        cable.saw(event)
        if event["event"] == "server-listening" and pc is None:
            program = Path(__file__).with_name("native_pc.py")
            pc = start(lab.target, program, HOST, TARGET, disk, HELPER)
    code = push.wait(_PATIENCE)
    assert pc is not None, events
    told, _ = pc.communicate(timeout=_PATIENCE)
    cable.join()
    own = json.loads(told.splitlines()[-1])
    line_seconds = length * 8 / (options.mbit * 1e6)
    called = next(event["at"] for event in events if event["event"] == "client-connected")
    seconds = events[-1]["at"] - called
    again = _sent_again(events)
    return Figure(
        what=what,
        length=length,
        line_seconds=line_seconds,
        seconds=seconds,
        away_seconds=cable.away,
        factor=(seconds - cable.away) / line_seconds,
        helper_seconds=own["helper_seconds"],
        sessions=own["sessions"],
        sent_again=sum(again.values()),
        parts_again=len(again),
        cuts=sum(event["event"] == "transfer-cut" for event in events),
        proved=code == 0 and events[-1].get("state") == "proved",
        as_before=lab.host.picture() == before,
    )


def _sent_again(events: list[dict[str, Any]]) -> dict[str, int]:
    """Bytes of parts that moved in transfers which were not the last of their part."""
    again: dict[str, int] = {}
    for event in events:
        if event["event"] == "transfer-cut" and event["name"].rpartition(".")[2].isdigit():
            again[event["name"]] = again.get(event["name"], 0) + event["moved"]
    return again


def show(figures: list[Figure], options: argparse.Namespace) -> None:
    """The table."""
    print(f"{options.mib:g} MiB over {options.mbit:g} Mbit/s, the whole push\n")
    print("| | line rate alone, s | proved after, s | cable out, s | without that, x line rate | "
          "helper (native), s | FTP sessions | parts again | bytes again |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for each in figures:
        proved = f"{each.seconds:.2f}" if each.proved else "**not proved**"
        print(
            f"| {each.what} | {each.line_seconds:.2f} | {proved} | {each.away_seconds:.0f} "
            f"| {each.factor:.3f} | {each.helper_seconds:.2f} | {each.sessions} "
            f"| {each.parts_again} | {each.sent_again:,} |"
        )


def failed(figures: list[Figure], pulls: int) -> list[str]:
    """What is not as it is asked."""
    straight, pulled = figures
    wrong = [f"{each.what}: not proved" for each in figures if not each.proved]
    wrong += [f"{each.what}: the wire is not as before" for each in figures if not each.as_before]
    if straight.factor > _LIMIT:
        wrong.append(f"{straight.what}: {straight.factor:.3f} x line rate, asked {_LIMIT}")
    if pulled.parts_again > pulls:
        wrong.append(f"{pulled.what}: {pulled.parts_again} parts sent again, asked {pulls}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks.wire", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--mib", type=float, default=16)
    parser.add_argument("--mbit", type=float, default=10)
    parser.add_argument("--pulls", type=int, default=3)
    parser.add_argument("--gap", type=float, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if missing := [name for name in ("root", "Linux", "ip") if not needs.here(name)]:
        print(f"benchmarks.wire needs: {', '.join(missing)}", file=sys.stderr)
        return 1
    build_helper()
    figures = [
        measure("a good cable", options, 0),
        measure(f"pulled {options.pulls} x {options.gap:g} s", options, options.pulls),
    ]
    wrong = failed(figures, options.pulls)
    if options.json:
        print(json.dumps({"figures": [asdict(each) for each in figures], "wrong": wrong}))
    else:
        show(figures, options)
        for line in wrong:
            print(f"\n{line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
