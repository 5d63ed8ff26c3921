"""Names that came over a line are fit to be names of files here, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.serial.received import MOST, safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.txt", "a.txt"),
        ("C:\\DEPLOY\\RESULT.TXT", "RESULT.TXT"),
        ("../../etc/passwd", "passwd"),
        ("what?.txt", "what_.txt"),
        ("a\x00b", "a_b"),
        ("..", None),
        ("", None),
        ("dir/", None),
        (".hidden", "hidden"),
        ("dots...", "dots"),
        ("aux.txt", "_aux.txt"),
        ("x" * (MOST + 1), None),
    ],
)
def test_names(name: str, safe: str | None) -> None:
    assert safe_name(name) == safe


@given(st.text())
def test_whatever_comes_stays_in_its_directory(name: str) -> None:
    safe = safe_name(name)
    if safe is not None:
        assert safe
        assert not set(safe) & set('/\\<>:"|?*')
        assert not safe.startswith(".")
        assert len(safe.encode("utf-8")) <= MOST + 1
        assert safe_name(safe) == safe
