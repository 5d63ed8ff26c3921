"""Where the golden numbers of llama.cpp lie: in tests/data/gold what is needed for good, and more
of them beside the project where somebody has put them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests import needs

HERE = needs.ROOT / "tests" / "data" / "gold"


def path_of(name: str) -> Path:
    """A file of the goldens. Skips the test where it is not on this machine."""
    if (HERE / name).is_file():
        return HERE / name
    needs.require("all goldens")
    return needs.GOLDENS / name


def lines(name: str) -> Iterator[dict[str, Any]]:
    for line in (HERE / name).read_bytes().splitlines():
        yield json.loads(line)


@cache
def cases() -> dict[str, dict[str, Any]]:
    """The small models by name."""
    found = json.loads((HERE / "small" / "cases.json").read_text())
    return {case["name"]: case for case in found}


def model(name: str) -> Path:
    """A small model."""
    return path_of(f"small/{name}.gguf")


def text_of(line: dict[str, Any]) -> bytes:
    return bytes.fromhex(line["hex"]) if "hex" in line else line["text"].encode()


def reader(data: bytes) -> Callable[[int, int], bytes]:
    """Bytes as what reads them."""
    return lambda offset, length: data[offset : offset + length]
