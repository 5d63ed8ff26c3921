"""The sections Disk, Win32, Network, Speed, Diskette: what PROBE98 and LLAMA98 answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from deployer.core.survey.probe import SurveyProbe
from deployer.core.survey.tools import TOOLS

_ANSWERED, _MEASURED = 0.6, 1.5
"""Seconds that a question takes, and one in which something is measured."""
_TICKS = "least_step", "usual_step"
_DISK = "write_kb_s", "flushed_kb_s", "read_kb_s", "uncached_kb_s", "copy_kb_s"

KERNELS: Mapping[str, float] = {"x87": 3.22, "int8": 0.97, "int4": 1.18, "ternary": 0.88}
"""The kernels whose cycles are measured, and the instructions that each takes there for a weight:
`valgrind --tool=callgrind payloads/build/linux32/PROBE98 ASK kernels`. Those of ternary weights
fill their tables for 32 rows only."""

_QUESTIONS: tuple[tuple[str, str, Mapping[str, str], tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "disk.rename-over", "a file is not renamed onto another one",
        {"rename": "exists", "old": "a", "new": "b"}, (), (),
    ),
    (
        "disk.rename-across", "a file is renamed into another folder, and a filled folder stays",
        {
            "folder": "ok", "again": "exists", "rename": "ok", "old": "none", "new": "a",
            "filled": "kept",
        }, (), (),
    ),
    (
        "disk.read-while-written", "a file that is being written can be read",
        {"create": "ok", "write": "ok", "read": "ok", "bytes": "3"}, (), (),
    ),
    (
        "disk.delete-open", "a file that is open is deleted", {"delete": "yes"}, (), ("F9",),
    ),
    (
        "disk.long-name", "a long name keeps its case, and has an 8.3 name beside it",
        {
            "create": "ok", "by_other_case": "a", "name": "A rather long Name.text",
            "alias": "ARATHE~1.TEX", "length": "1",
        }, (), ("C8",),
    ),
    (
        "disk.dates", "a date is kept in steps of 2 s, and a read-only file is deleted",
        {"set": "ok", "name": "A.TXT", "date": "706830365", "write": "error", "delete": "ok"},
        (), ("C9",),
    ),
    (
        "disk.cut-and-grow", "a file is cut, and grows when it is written after its end",
        {
            "open": "ok", "cut": "ok", "after_cut": "2", "write": "ok", "after_growing": "5001",
        }, (), (),
    ),
    (
        "disk.space", "how large a cluster is, and whether more than 2 GB are counted",
        {"asked": "ok"}, ("cluster", "counts"), ("B34",),
    ),
    (
        "win32.exit-code", "the exit code of a Win32 program reaches a Win32 program",
        {"run": "ok", "code": "200"}, (), ("B9",),
    ),
    (
        "win32.pipe", "a Win32 program says 30,000 bytes through a pipe",
        {"run": "ok", "bytes": "30000", "code": "0"}, (), (),
    ),
    (
        "win32.batch-output", "a batch file says something into a file, and ends with 0",
        {"run": "ok", "output": "there", "code": "0"}, (), ("B9",),
    ),
    (
        "win32.imports", "what KERNEL32 has, and what it lacks",
        {"missing": "", "more": ""}, (), ("F2",),
    ),
    (
        "win32.kill", "a program that is ended from outside is over at once",
        {"started": "yes", "running": "yes", "ended": "yes", "waited": "yes", "code": "7"},
        (), (),
    ),
    (
        "win32.error-mode", "whether a child inherits that there are no error boxes",
        {}, ("inherited",), (),
    ),
    (
        "win32.no-window", "a console program is started without a window",
        {"started": "yes", "code": "5"}, (), (),
    ),
    (
        "win32.inherited-file", "a child writes into a file that it inherits",
        {"started": "yes", "code": "0", "bytes": "1000"}, (), (),
    ),
    (
        "win32.held-file", "a file that a program had for itself is free when that is ended",
        {"started": "yes", "while_held": "no", "afterwards": "yes"}, (), (),
    ),
    (
        "win32.dos-output", "the output and the exit code of a 16-bit program arrive",
        {"run": "ok", "bytes": "13", "code": "21"}, (), ("B9",),
    ),
    ("win32.tick", "in which steps the clock counts", {}, _TICKS, ()),
    (
        "network.fetch", "how fast FTP.EXE fetches 1 MB",
        {"run": "ok", "bytes": "1048576"}, ("ms", "kb_s"), (),
    ),
    ("network.send", "how fast FTP.EXE sends 1 MB", {"run": "ok"}, ("ms", "kb_s"), ()),
    (
        "network.address",
        "how many cards have an address by hand, and how many addresses the PC gave itself",
        {}, ("cards", "by_hand", "automatic", "addresses", "of_itself"), ("D1", "D13"),
    ),
    ("speed.disk", "how fast the disk is written and read", {}, _DISK, ()),
    (
        "speed.memory", "how fast memory is read and written", {"sum": "right"},
        ("read_kb_s", "write_kb_s", "mhz"), (),
    ),
    (
        "speed.kernels", "how many cycles 1,000 weights take, by kernel of the engine", {},
        ("counter", *KERNELS), (),
    ),
    (
        "diskette.full", "what WriteFile says on a diskette that is full",
        {"diskette": "there", "error": "112", "filled": "all", "delete": "yes"},
        ("last_put",), ("B18",),
    ),
)  # fmt: skip
MEASURED = frozenset([
    *_TICKS, *_DISK, "ms", "kb_s", "read_kb_s", "write_kb_s", "mhz", *KERNELS, "tok_s",
])  # fmt: skip
"""Answers that are figures of a moment: no PC gives them twice the same."""
_ASKED = {
    "speed.disk": "disk-speed", "speed.memory": "memory", "network.fetch": "get",
    "network.send": "put",
}  # fmt: skip
"""Questions whose names are not those of their probes."""
_BESIDE: Mapping[str, tuple[str, ...]] = {"win32.dos-output": ("SAYCOM.COM",)}
"""Programs that a question needs in its folder."""
_LONG = ("network.fetch", "network.send")
_ONLY_FULL = (*_LONG, "win32.held-file")
NOT_THERE: Mapping[str, str] = {"host": "none", "diskette": "none"}
"""Answers that say that a probe could not be asked: no host, or no diskette."""

TOK_S = "tok_s"
"""The answer of an engine: tokens in a second."""
ENGINES: Mapping[str, tuple[str, str, int]] = {
    "speed.fp32": ("CAMP260.BIN", "-z CAMP260.TOK -q 0", 261_184),
    "speed.int8": ("CAMP260.BIN", "-z CAMP260.TOK -q 8", 261_184),
    "speed.ternary": ("CAMP158.L98", "", 0),
}
"""By probe: a model that lies beside SURVEY.BAT, options of LLAMA98, and the weights of the model
that each token needs, 0 where they are not counted."""
_TITLES = {
    "speed.fp32": "tokens in a second, weights of 32 bits (x87)",
    "speed.int8": "tokens in a second, weights of 8 bits (MMX where there is any)",
    "speed.ternary": "tokens in a second, weights of three values",
}
_TOKENS = 24


def questions() -> Iterable[SurveyProbe]:
    """The probes of these sections."""
    for identity, title, expected, answers, facts in _QUESTIONS:
        name = _ASKED.get(identity, identity.partition(".")[2])
        yield SurveyProbe(
            identity, title, f"{{home}}\\PROBE98 ASK {name}",
            expected={"ends": "ran", **expected} if expected else {}, answers=answers,
            files={name: TOOLS[name] for name in _BESIDE.get(identity, ())},
            words=(
                "ok", "exists", "missing", "error", "yes", "no", "unknown", "known", "to", "GB",
                "all", "there", "none",
            ),
            facts=facts,
            full=identity in _ONLY_FULL,
            seconds=(
                60.0 if identity.startswith("diskette.")
                else 8.0 if identity in _LONG
                else _MEASURED if identity.startswith("speed.") or not expected
                else _ANSWERED
            ),
        )  # fmt: skip
    for identity, (model, options, _weights) in ENGINES.items():
        words = options.replace("-z ", "-z {home}\\")
        yield SurveyProbe(
            identity, _TITLES[identity],
            f"{{home}}\\LLAMA98 {{home}}\\{model} {words} -n {_TOKENS} -t 0".replace("  ", " "),
            answers=(TOK_S,), seconds=2.0,
        )  # fmt: skip
