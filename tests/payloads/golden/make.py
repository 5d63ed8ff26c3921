"""Writes llama2c.json: what llama2.c itself prints. `python make.py RUN`, from the source tree.

RUN is llama2.c's `run` (gcc -O3, glibc 2.36, x86-64), or a program proved to print the same, as
the one that made the stored file was on the greedy texts of the reference models. Nothing else
needs it.
The models: ours, the reference stories260K (../shared/models), and random ones of odd shapes made
by `shapes.py` beside this file, with classifiers of their own among them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE))

from shapes import SHAPES, write_shape  # noqa: E402

CAMPFIRE = ROOT / "payloads" / "models" / "campfire"
REFERENCE = ROOT.parent / "shared" / "models"
PROMPTS = (
    "", "Once upon a time", "Zoo", 'Lily and "Tom" went', "A café, naïve: ünïcode ☃!",
    "The dog said: 12345 <0x0A> {}", "   blanks   ", "line\nbreak\tand tab",
)  # fmt: skip
#: temperature and top-p
WAYS = (
    ("1.0", "0.9"), ("0.8", "0.9"), ("1.0", "1.0"), ("1.5", "0.95"), ("0.8", "0"), ("0.3", "0.5"),
)  # fmt: skip
#: what llama2.c makes of odd values
ODD = (
    ["-s", "5"], ["-s", "-7", "-n", "0"], ["-t", "0", "-n", "9999"], ["-t", "-1", "-n", "3"],
    ["-p", "7", "-s", "3", "-n", "40"],
    ["-t", "0", "-n", "3", "-i", "A long prompt is cut by few steps"],
)  # fmt: skip


def sampled(seed: int) -> list[str]:
    """One way to draw for each seed."""
    t, p = WAYS[seed % len(WAYS)]
    return ["-t", t, "-p", p, "-s", str(seed)]


def cases() -> list[dict[str, object]]:
    """Model name and arguments, without what llama2.c says to them."""
    made: list[dict[str, object]] = []
    for model in ("campfire", "stories"):
        drawn = [[*sampled(seed), "-i", PROMPTS[seed % 8]] for seed in range(1, 31)]
        made += [{"model": model, "args": args} for args in (*drawn, *ODD)]
    for model in SHAPES:
        drawn = [
            [*sampled(seed), "-n", "0", "-i", prompt]
            for seed, prompt in enumerate(("", "ab a", "b", "ba"), 1)
        ]
        made += [{"model": model, "args": args} for args in drawn]
    return made


def main() -> None:
    """Runs every case and stores its text."""
    files = {
        "campfire": (CAMPFIRE / "campfire260K.bin", CAMPFIRE / "campfire.tok.bin"),
        "stories": (REFERENCE / "stories260K.bin", REFERENCE / "tok512.bin"),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name in SHAPES:
            files[name] = write_shape(name, Path(folder))
        made = cases()
        for case in made:
            model, tokenizer = files[str(case["model"])]
            command = [sys.argv[1], str(model), "-z", str(tokenizer), *case["args"]]
            done = subprocess.run(command, capture_output=True, check=True, timeout=120)
            case["text"] = done.stdout.removesuffix(b"\n").decode("latin-1")
    (HERE / "llama2c.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
