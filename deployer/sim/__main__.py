"""`python -m deployer.sim`: a simulated PC that visits a running host, its screen on stdout."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import functools
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from deployer.sim.browser import Browser, NotShown
from deployer.sim.cable import Hang, Link
from deployer.sim.codepage import PAGES
from deployer.sim.commandcom import SETTINGS, WIN98, Dialect, flipped
from deployer.sim.console import Printed, QueuedConsole
from deployer.sim.disk import Disk, PowerOff
from deployer.sim.disk.removable import RemovableDisk
from deployer.sim.diskbox import DiskBox
from deployer.sim.faults import parse
from deployer.sim.machine import Hardware, Machine
from deployer.sim.typist import FINISHED, visit
from deployer.sim.win32 import CPU_MODELS
from deployer.sim.win32.desktop import SessionEnd

EXIT_ABANDONED = 3

#: What this PC calls its host, and what its user types unless told otherwise.
HOST = "192.168.1.1"
CARD = (
    "C:",
    "MD \\DEPLOY",
    "CD \\DEPLOY",
    f"FTP {HOST}",
    "anonymous",
    "",
    "get GO.BAT",
    "bye",
    "GO",
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="deployer sim",
        description="A simulated Windows 98 PC: types the given lines and shows its screen.",
        epilog="Without --type it types what the host's card says. Faults: cable@BYTE hang@BYTE "
        "cut@BYTE flip@BYTE crlf[@BYTE] ascii full@BYTES power@STEP off@LINE slow@RATE "
        "random:SEED, joined by commas.",
    )
    parser.add_argument(
        "--host", help="address or address:port where the host listens (it is 192.168.1.1 here)"
    )
    parser.add_argument(
        "--route", action="append", default=[], metavar="A=B:PORT",
        help="what this PC calls A is really port PORT of B",
    )  # fmt: skip
    parser.add_argument(
        "--disk", type=Path, help="the directory that is drive C: (else an empty one)"
    )
    parser.add_argument(
        "--type", action="append", default=[], metavar="LINE", help="a line to type, once"
    )
    parser.add_argument(
        "--floppies", type=Path, metavar="DIR",
        help="drive A:, and images of floppy disks (*.img) that are put in as the screen asks",
    )  # fmt: skip
    parser.add_argument("--cd", type=Path, metavar="FILE", help="drive D:, with this CD in it")
    parser.add_argument("--shell", action="store_true", help="type what standard input says, once")
    parser.add_argument(
        "--com1", metavar="PORT",
        help="this terminal is COM1: HyperTerminal receives there, GO is typed, the result sent",
    )  # fmt: skip
    parser.add_argument("--fault", action="append", default=[], help="what is to go wrong")
    parser.add_argument(
        "--untouched", metavar="URL",
        help="a PC with default settings: its browser opens this, nothing else is typed, and "
        "programs with windows run until this ends",
    )  # fmt: skip
    parser.add_argument(
        "--live", action="store_true",
        help="then programs with windows run until this ends or Windows switches the PC off; with "
        "--type '' nothing is typed",
    )  # fmt: skip
    parser.add_argument(
        "--follow", action="append", default=[], metavar="WORDS",
        help="with --untouched: then the link with these words is clicked (repeat)",
    )  # fmt: skip
    parser.add_argument(
        "--check", action="store_true", help="only see whether the faults can be understood"
    )
    parser.add_argument(
        "--without", action="append", default=[], metavar="PROGRAM",
        help="a program of Windows that this PC lacks, such as FIND.EXE (repeat)",
    )  # fmt: skip
    parser.add_argument(
        "--unlike", action="append", default=[], metavar="SETTING",
        help=f"in this it is not as other PCs are (repeat): {', '.join(SETTINGS)}; "
        "`deployer sim --like SURVEY [--state-dir DIR]` takes those of a survey",
    )  # fmt: skip
    parser.add_argument(
        "--end-with-input", action="store_true", help="switch off when standard input ends"
    )
    parser.add_argument(
        "--secret-from-stdin", action="store_true",
        help="the first line of standard input is what its server asks for",
    )  # fmt: skip
    parser.add_argument("--capacity", type=int, default=2_000_000_000, help="bytes of drive C:")
    parser.add_argument("--ram", type=int, default=128, help="megabytes of memory")
    parser.add_argument(
        "--codepage", type=int, default=1252, help="ANSI or OEM code page of its Windows"
    )
    parser.add_argument("--cpu", default="pentium2", choices=sorted(CPU_MODELS))
    parser.add_argument("--address", help="this PC's own address on the modern machine")
    parser.add_argument(
        "--patience", type=float, default=60.0, help="seconds after which a program hangs"
    )
    parser.add_argument(
        "--real-pauses", action="store_true",
        help="batch files wait as long as they say, not a tenth of it",
    )  # fmt: skip
    parser.add_argument(
        "--tries", type=int,
        help="how often the lines are typed until the work is done; 1 with --type and --shell, "
        "3 for the card",
    )  # fmt: skip
    parser.add_argument(
        "--until", metavar="TEXT",
        help=f"the work is done when the screen says this: {FINISHED!r} for the card and with "
        "--tries; else when all is typed",
    )  # fmt: skip
    return parser


def routes(options: argparse.Namespace) -> dict[str, tuple[str, int]]:
    """What the PC's numbers really mean; ValueError when an option cannot be read."""
    found: dict[str, tuple[str, int]] = {}
    for text in [*([f"{HOST}={options.host}"] if options.host else []), *options.route]:
        name, equals, target = text.partition("=")
        address, _, port = target.partition(":")
        if not (equals and name and address) or not (port or "21").isdigit():
            raise ValueError(f"{text!r} is no route; write it as 192.168.1.1=127.0.0.1:2121")
        found[name] = (address, int(port or 21))
    return found


def read_secret() -> bytes:
    """The first line of standard input, byte by byte: what comes after it is not ours to read."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line


def end_with_input() -> None:
    """Switch off at once when whoever started this PC is gone; nothing is printed any more."""

    def wait() -> None:
        while os.read(0, 1):  # not through sys.stdin: its lock would be held at the end
            continue
        os._exit(EXIT_ABANDONED)

    threading.Thread(target=wait, name="end-with-input", daemon=True).start()


def make(
    options: argparse.Namespace, folder: Path, cancelled: Callable[[], bool], secret: bytes = b""
) -> Machine:
    """The PC that the options describe. Raises ValueError and OSError."""
    PAGES.use(options.codepage)
    folder.mkdir(parents=True, exist_ok=True)
    faults = [fault for text in options.fault for fault in parse(text)]
    console, drives = _drives(options)
    machine = Machine(
        Disk(folder, capacity=options.capacity),
        console=console,
        drives=drives,
        link=Link(
            routes=routes(options),
            source=options.address,
            patience=options.patience,
            cancelled=cancelled,
            secret=secret,
        ),
        cancelled=cancelled,
        hardware=Hardware(ram=options.ram << 20, cpu_model=options.cpu),
        without=tuple(name.upper() for name in options.without),
        dialect=_dialect(options.unlike),
    )
    if options.real_pauses:
        machine.wait = time.sleep
    machine.harm(faults)
    return machine


def _dialect(unlike: Sequence[str]) -> Dialect:
    try:
        return flipped(WIN98, unlike)
    except KeyError as unknown:
        known = ", ".join(SETTINGS)
        raise ValueError(f"there is no setting {unknown}; there are {known}") from None


def _drives(options: argparse.Namespace) -> tuple[QueuedConsole, dict[str, RemovableDisk]]:
    """The console, whose person changes disks, and the drives. Raises OSError, ValueError."""
    images = sorted(options.floppies.glob("*.img")) if options.floppies else []
    screen = Printed(functools.partial(print, end="", flush=True))
    box = DiskBox(images, on_line=screen.ended, on_begun=screen.begun)
    drives = {}
    for letter, image in (("A", images[0] if images else None), ("D", options.cd)):
        if image is None:
            continue
        scratch = tempfile.TemporaryDirectory(prefix="deployer-sim-")
        atexit.register(scratch.cleanup)
        drives[letter] = RemovableDisk(letter, Path(scratch.name), box.answer)
        drives[letter].insert(image)
        if letter == "A":
            box.drive = drives[letter]
            atexit.register(drives[letter].eject)
    return box, drives


def check(faults: Sequence[str]) -> int:
    """0 when all faults can be understood; else 2, and one line that says why not."""
    try:
        for text in faults:
            parse(text)
    except ValueError as error:
        sys.stderr.write(f"deployer sim: {error}\n")
        return 2
    return 0


@contextlib.contextmanager
def _drive_c(named: Path | None) -> Iterator[Path]:
    """The directory that was named; without one, one that goes when this PC is switched off."""
    if named is not None:
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="deployer-sim-") as fresh:
        yield Path(fresh)


@dataclass(frozen=True, slots=True)
class Visit:
    """What the user of this PC does: lines to type, how often, until what is on the screen."""

    lines: Sequence[str]
    tries: int
    until: str
    resets: int

    @classmethod
    def of(cls, options: argparse.Namespace) -> Visit:
        """The card is typed until it worked; a user's own lines once, whatever comes of them."""
        lines = options.type or CARD
        if options.shell:
            lines = [line.rstrip("\r\n") for line in sys.stdin]
        own = bool(options.type or options.shell) and options.tries is None
        return cls(
            lines=lines,
            tries=options.tries or (1 if own else 3),
            until=("" if own else FINISHED) if options.until is None else options.until,
            resets=0 if own else 10,
        )

    def pay(self, machine: Machine) -> bool:
        """Do it; whether the work was done."""
        return visit(machine, self.lines, until=self.until, tries=self.tries, resets=self.resets)


def untouched(machine: Machine, url: str, links: Sequence[str]) -> bool:
    """Open a page, follow links, and let programs with windows run; whether that was possible.

    It is switched on again whenever its Windows has ended. Ctrl-C at the terminal is for its host.
    """
    machine.boot()
    browser = Browser(machine)
    try:
        browser.open(url)
        for words in links:
            browser.follow(words)
    except NotShown as error:
        machine.note(str(error))
        return False
    machine.note(f"{browser.keys} keys were pressed in the browser, and links were clicked.")
    stay_on(machine)
    return True


def stay_on(machine: Machine, *, until_off: bool = False) -> None:
    """Let programs with windows run; it is switched on again whenever its Windows has ended.

    With `until_off` not when Windows has switched it off.
    """
    while not machine.cancelled():
        end: SessionEnd | None = None
        try:
            end = machine.live(machine.cancelled)
            what = "" if end is None else f"Windows has ended ({end.value})"
        except PowerOff:
            what = "The power failed"
        except Hang as hang:
            what = str(hang)
        if end is SessionEnd.OFF and until_off:
            return
        if what and not machine.cancelled():
            machine.note(f"{what}. Switching on again.")
            machine.boot()


def live(machine: Machine, user: Visit) -> bool:
    """What the user does, then what the programs with windows do; whether the first worked."""
    if not any(user.lines):
        machine.boot()
        done = True
    else:
        done = user.pay(machine)
    if done:
        stay_on(machine, until_off=True)
    return done


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: the work was done (--until); 1: not; 2: wrong use; 3: its host is gone."""
    options = parser().parse_args(arguments)
    if options.check:
        return check(options.fault)
    secret = read_secret() if options.secret_from_stdin else b""
    if options.end_with_input:
        end_with_input()
    stop = Event()
    user = Visit.of(options)
    with _drive_c(options.disk) as disk:
        try:
            machine = make(options, disk, stop.is_set, secret)
        except (ValueError, OSError) as error:
            sys.stderr.write(f"deployer sim: {error}\n")
            return 2
        work: Callable[[], bool] = functools.partial(user.pay, machine)
        if options.live:
            work = functools.partial(live, machine, user)
        if options.untouched:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            work = functools.partial(untouched, machine, options.untouched, options.follow)
        if options.com1:
            from deployer.sim import hyperterm  # noqa: PLC0415 - Windows has no such ports

            try:
                terminal = hyperterm.HyperTerminal(machine, options.com1, cancelled=stop.is_set)
            except (ValueError, OSError) as error:
                sys.stderr.write(f"deployer sim: {options.com1}: {error}\n")
                return 2
            work = functools.partial(hyperterm.visit, machine, terminal)
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(work)
            # An emulated program that computes cannot be interrupted, only told to stop.
            try:
                while not wait([done], timeout=0.2).done:
                    continue
            except KeyboardInterrupt:
                stop.set()
                return 130
    return 0 if done.result() else 1


if __name__ == "__main__":
    sys.exit(main())
