"""docs/architecture.md is the house as it stands."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from docs.generate import architecture


def test_the_map_is_the_house(root: Path) -> None:
    page = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert page == architecture.render(), (
        "run: python -m docs.generate.architecture > docs/architecture.md"
    )


def test_every_module_that_the_ways_name_exists() -> None:
    named = {
        word
        for line in architecture.render().splitlines()
        for word in line.split()[:1]
        if word.startswith(("face/", "host/", "edge/", "core/")) and line.startswith("      ")
    }
    missing = [
        name for name in sorted(named)
        if not ((path := architecture.PACKAGE / name).is_dir() or path.with_suffix(".py").is_file())
    ]  # fmt: skip
    assert named
    assert not missing


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import socket", {"sockets"}),
        ("from pathlib import Path\nPath('a').write_text('b')", {"files"}),
        ("from pathlib import Path\nPath('a').open('rb')", {"files"}),
        ("disk.mkdir('A')", set()),
        ("import os\nos.kill(1, 9)", {"processes"}),
        ("import sqlite3", {"database"}),
        ("import json", set()),
    ],
)
def test_an_effect_is_seen_where_it_is(source: str, expected: set[str]) -> None:
    assert architecture.effects(ast.parse(source)) == expected
