"""The recordings in README and docs: `make recordings` plays them anew and writes them here.

Everything in them happened: the commands run on a terminal of their own against the simulated PC,
and what they write is kept as it comes (NAME.cast, asciicast 2) and drawn as a picture that moves
without any script (NAME.svg). Only the typing at the prompt is played, and long silences are made
shorter. A test plays one anew and compares, see tests/test_recordings.py.

    python -m docs.recordings.record [NAME ...]

It needs Linux: they are made inside a network of their own, which is as slow as an old wire.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from docs.recordings import svg
from tests.terminal import Terminal

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CAMPFIRE = ROOT / "payloads" / "models" / "campfire158" / "campfire158.l98"
SILENCE = 1.2
"""Seconds of a silence that are kept."""
HOLD = 5.0
"""Seconds that the last picture stays."""
TOGETHER = 0.06
"""What comes within so many seconds is one picture; of a whole page, see `Scene`."""
SMALL = 280_000
"""Characters of a recording of whole pages: a machine that is busy draws longer, not more."""
PROMPT = "\x1b[1;32m$\x1b[0m "
BANDWIDTH = "14mbit burst 32kb latency 50ms"
MODEL = '--prompt "Once" --steps 100 --temperature 0.7 --seed 10'


@dataclass
class Cast:
    """What a terminal wrote, and when; times are seconds from the beginning."""

    size: tuple[int, int]
    title: str
    events: list[tuple[float, str]] = field(default_factory=list)
    _rest: bytes = b""

    @property
    def end(self) -> float:
        """When the last thing was written."""
        return self.events[-1][0] if self.events else 0.0

    def add(self, wait: float, text: str) -> None:
        """Something comes that many seconds after what came last."""
        kept = min(wait, SILENCE)
        if self.events and kept < TOGETHER:
            at, before = self.events[-1]
            self.events[-1] = (at, before + text)
        else:
            self.events.append((round(self.end + kept, 3), text))

    def hear(self, wait: float, data: bytes) -> None:
        """The same for bytes, which may stop in the middle of a sign."""
        data = self._rest + data
        for kept in range(len(data), max(len(data) - 4, -1), -1):
            try:
                text = data[:kept].decode()
            except UnicodeDecodeError:
                continue
            self._rest = data[kept:]
            self.add(wait, text)
            return

    def to_text(self) -> str:
        """asciicast 2; the last line holds the last picture."""
        head = {"version": 2, "width": self.size[0], "height": self.size[1], "title": self.title}
        lines = [json.dumps(head)]
        events = [*self.events, (round(self.end + HOLD, 3), "")]
        lines += [json.dumps([at, "o", text], ensure_ascii=False) for at, text in events]
        return "\n".join(lines) + "\n"


def from_text(text: str) -> Cast:
    """The cast of its text; ValueError for what is not asciicast 2."""
    head, *lines = map(json.loads, text.splitlines())
    if head["version"] != 2 or any(len(line) != 3 or line[1] != "o" for line in lines):
        raise ValueError("not what this writes")
    events = [(line[0], line[2]) for line in lines if line[2]]
    return Cast((head["width"], head["height"]), head["title"], events)


class Stage:
    """A directory with the sample files in it, and a prompt where commands are typed."""

    def __init__(self, place: Path, cast: Cast) -> None:
        self.place, self.cast, self._kept = place, cast, True
        self.work = place / "demo"
        self.work.mkdir()
        shutil.copy(CAMPFIRE, self.work)
        (self.work / "deployer.toml").write_text(f'state_dir = "{place / "state"}"\n')
        program = place / "bin" / "deployer"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m deployer "$@"\n')
        program.chmod(0o755)
        self.environment = {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "DEPLOYER_SOCKET": "",
            "COLORTERM": "truecolor",
        }

    def type(self, line: str) -> None:
        """A prompt, and a line typed at it; the first picture has its line already."""
        if not self.cast.events:
            self.cast.add(0.0, f"{PROMPT}{line}")
            self.cast.add(1.0, "\r\n")
            return
        self.cast.add(0.5, PROMPT)
        self.cast.add(0.6, "")
        for sign in line:
            self.cast.events.append((round(self.cast.end + 0.02, 3), sign))
        self.cast.add(0.4, "\r\n")

    @contextmanager
    def start(self, line: str) -> Iterator[Terminal]:
        """A command line on the terminal, while something else is done."""
        self.type(line)
        last = time.monotonic()

        def heard(data: bytes) -> None:
            nonlocal last
            now = time.monotonic()
            if self._kept:
                self.cast.hear(now - last, data)
            last = now

        words = ["sh", "-c", line]
        with Terminal(
            words, self.cast.size, environment=self.environment, where=self.work, heard=heard
        ) as terminal:
            yield terminal

    def run(self, line: str) -> None:
        """A command line to its end."""
        with self.start(line) as terminal:
            assert terminal.ended() == 0, terminal.text

    def cut(self) -> None:
        """What comes from now on is not kept."""
        self._kept = False

    def leave(self) -> None:
        """The prompt comes back."""
        self.cast.add(0.3, PROMPT)


# --- what is recorded


def push(stage: Stage) -> None:
    """A model, pushed to the simulated PC; it tells its story, and everything is proved."""
    stage.run(f"deployer push --target sim campfire158.l98 {MODEL}")
    stage.leave()


def again(stage: Stage) -> None:
    """The same once more moves nothing; the history has both."""
    stage.run("deployer push --target sim campfire158.l98 --no-run")
    stage.cast.events.clear()
    stage.run("deployer push --target sim campfire158.l98 --no-run")
    stage.run("deployer history")
    stage.leave()


def fails(stage: Stage) -> None:
    """The old PC's disk is full: nothing is claimed that it has not shown."""
    line = "deployer push --target sim --fault full@300000 campfire158.l98"
    stage.run(f'{line} || echo "exit code $?"')
    stage.leave()


def tui(stage: Stage) -> None:
    """A file in parts on a wire as slow as an old one, and a model that speaks."""
    (stage.work / "photos.zip").write_bytes(Random(98).randbytes(12 << 20))
    with stage.start("deployer tui") as terminal:

        def look(seconds: float) -> None:
            end = time.monotonic() + seconds
            terminal.until(lambda: time.monotonic() > end)

        def choose(file: str) -> None:
            terminal.press("p")
            terminal.until("Push (Enter)")
            for begin in range(0, len(file), 4):
                terminal.press(file[begin : begin + 4])
                look(0.2)
            terminal.until("on this wire")
            look(1.2)
            terminal.press("\r")

        terminal.until("Press  p")
        look(1.0)
        choose("photos.zip")
        terminal.until("verified 3", 180)
        terminal.until("0 open, 1 ended")
        look(1.0)
        choose("campfire158.l98")
        terminal.until("tok/s, on", 180)
        look(3.0)
        stage.cut()
        terminal.press("q")
        terminal.ended()
        control = stage.place / "state" / "control.sock"
        while control.exists():  # the daemon that the window brought up
            time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Scene:
    """One recording."""

    play: Callable[[Stage], None]
    size: tuple[int, int]
    title: str
    page: float = 0.0
    """Seconds between two pictures of a program that draws whole pages; 0 for lines as they come.

    Such a program draws much more often and much more than changes. What is kept is what changed.
    """


SCENES = {
    "push": Scene(push, (104, 24), "deployer push", page=0.12),
    "again": Scene(again, (104, 14), "deployer push, a second time"),
    "fails": Scene(fails, (104, 15), "deployer push, and the disk there is full"),
    "tui": Scene(tui, (100, 30), "deployer tui", page=0.2),
}


def record(name: str) -> Cast:
    """Play one scene."""
    scene = SCENES[name]
    cast = Cast(scene.size, scene.title)
    with tempfile.TemporaryDirectory(prefix="rec-") as place:
        scene.play(Stage(Path(place), cast))
    return fewer(cast, scene.page) if scene.page else cast


def fewer(cast: Cast, every: float, most: int = SMALL) -> Cast:
    """The pictures in every so many seconds, or in as many more as make the recording small."""
    pictures = list(svg.screens(cast))
    while len((kept := changes(cast, pictures, every)).to_text()) > most and every < cast.end:
        every *= 1.25
    return kept


def changes(cast: Cast, waiting: Sequence[svg.Picture], every: float) -> Cast:
    """The same pictures, no two in that many seconds, each as the lines that are new in it."""
    kept = Cast(cast.size, cast.title)
    before: list[svg.Line] = []
    for number, (at, lines, cursor) in enumerate(waiting):
        following = waiting[number + 1][0] if number + 1 < len(waiting) else at + SILENCE
        typing = cursor is not None and at < waiting[-1][0]
        if following - (kept.end if kept.events else -1.0) < every and not typing:
            continue  # the next one is there before anybody has seen this one
        text = "".join(
            f"\x1b[{row + 1};1H{svg.to_escapes(before[row] if before else None, line)}"
            for row, line in enumerate(lines)
            if not before or before[row] != line
        )
        if cursor is not None:
            text += f"\x1b[{cursor[0] + 1};{cursor[1] + 1}H"
        shown = "\x1b[?25h" if cursor is not None else "\x1b[?25l"
        kept.events.append((at, text + shown))
        before = lines
    return kept


def alone(names: list[str]) -> int:
    """The same command in a network of its own; its exit code."""
    own = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    slow = f"tc qdisc add dev lo root tbf rate {BANDWIDTH}"
    ready = f'ip link set lo up mtu 1500 && {slow} && exec "$@"'
    me = [sys.executable, "-m", "docs.recordings.record", "--inside", *names]
    return subprocess.call([*own, "sh", "-c", ready, "sh", *me], cwd=ROOT)


def main() -> int:
    """Record, and draw."""
    names = sys.argv[1:]
    if "--inside" not in names:
        return alone(names)
    for name in [name for name in names if name != "--inside"] or SCENES:
        cast = record(name)
        text = cast.to_text()
        (HERE / f"{name}.cast").write_text(text, encoding="utf-8")
        picture = svg.draw(from_text(text), HOLD)
        (HERE / f"{name}.svg").write_text(picture, encoding="utf-8")
        print(f"{name}: {cast.end:.1f} s, {len(text):,} and {len(picture):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
