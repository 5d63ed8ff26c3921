"""Damaged containers under the sanitizers: LLAMA98 ends with a code of its table.

Many of them: `python -m tests.payloads.test_l98_fuzz 100000`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.payloads import l98

Make = Callable[[str, str], Path]
FEW = 3000


def write_bases(folder: Path) -> list[Path]:
    """Sound containers of each kind of weights, graph and tokenizer; two with a shortlist."""
    graphs = [l98.TIED, 0, l98.BIASES | l98.HEAD_NORMS, l98.SUB_NORMS | l98.RELU_SQUARED]
    paths = [folder / "LIST.L98", folder / "GROUPS.L98"]
    for path, kind in zip(paths, (l98.INT8, l98.GROUPS), strict=True):
        shape = l98.Shape(16, 16, 1, 1, 1, 4, 2050, 20)
        l98.write(l98.random_model(shape, 98, kind, table=kind), path)
    for kind, flags in zip((l98.INT8, l98.INT4, l98.TERNARY, l98.BIT), graphs, strict=True):
        shape = l98.Shape(128 if kind == l98.BIT else 18, 128, 2, 2, 1, 6, 280, 60, flags)
        if kind == l98.BIT:
            shape = l98.Shape(128, 128, 2, 2, 1, 64, 280, 60, flags)
        model = l98.random_model(shape, kind, kind)
        model.chat = l98.chat("<s>a", "b", "c", [2, 5], "d", "e")
        if kind != l98.INT8:
            texts = [*(bytes([b]) for b in range(256)), *(b"w%d" % i for i in range(24))]
            types = [1] * 270 + [3, 4, 2, 5, 1, 1, 1, 1, 1, 1]
            pairs = [(ord("w"), ord("0") + i, 256 + i) for i in range(10)]
            model.tokenizer = l98.tokenizer(
                1, texts, types, pairs=pairs, rule=kind + 1, flags=1, special={"bos": 270},
                ranges=[0, 65 | 1 << 24, 91],
            )  # fmt: skip
        model.prefix_count = 2
        model.prefix = l98.prefix(model, model.arrays, [1, 97])
        paths.append(folder / f"BASE{kind}.L98")
        l98.write(model, paths[-1])
    return paths


def fuzz(program: Path, folder: Path, count: int, seed: int) -> str:
    """Gives the program so many damaged containers; returns its last line."""
    command = [program, str(count), folder, str(seed), *write_bases(folder)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=3000, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:].decode("latin-1")
    return done.stderr.decode("latin-1").splitlines()[-1]


def test_damaged_containers_end_with_a_code_of_the_table(make: Make, tmp_path: Path) -> None:
    last = fuzz(make("asan", "llama98-fuzz98"), tmp_path, FEW, 98)
    codes = dict(part.split(":") for part in last.partition("codes ")[2].split())
    assert sum(map(int, codes.values())) == FEW
    assert all(int(codes[code]) > 0 for code in ("0", "3", "4", "12"))


if __name__ == "__main__":
    root = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory(prefix="l98-") as name:
        tool = Path(name) / "asan" / "llama98-fuzz98"
        build = ["make", "-s", "-C", str(root / "payloads"), f"OUT={name}", str(tool)]
        subprocess.run(build, check=True, timeout=300)
        print(fuzz(tool, Path(name), int(sys.argv[1]), int(([*sys.argv, "98"])[2])))
