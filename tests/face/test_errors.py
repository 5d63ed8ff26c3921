"""Every error a user can see: two lines, the way out in the second; the manual has them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deployer import errors
from deployer.errors import DeployerError
from docs.generate import troubleshooting

KINDS = troubleshooting.kinds()
CODES = {1, 2, 3, 4, 5, 6, 130}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_two_lines_what_happened_and_what_to_do(kind: type[DeployerError]) -> None:
    entry = troubleshooting.entry(kind)
    assert entry.what
    assert entry.remedy
    assert "\n" not in entry.what + entry.remedy
    assert not re.search(r"[{}]", entry.what + entry.remedy), "a field was not filled"
    assert kind.exit_code in CODES
    if not entry.free:
        assert entry.what.endswith((".", ")")), "a sentence"
        assert not entry.what[0].islower()
        assert str(kind(**troubleshooting.fields(kind))) == entry.what


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_doing_comes_second_and_begins_with_what_to_do(kind: type[DeployerError]) -> None:
    entry = troubleshooting.entry(kind)
    assert len(entry.remedy) <= 160
    assert len(entry.what) <= 200
    assert "traceback" not in (entry.what + entry.remedy).lower()


def test_a_field_that_is_missing_is_a_mistake_here() -> None:
    with pytest.raises(KeyError):
        errors.FileMissing()


def test_every_error_has_one_symptom_and_every_symptom_an_error() -> None:
    used = {troubleshooting.symptom(kind) for kind in KINDS}
    assert used >= {title for title, _beginnings in troubleshooting._SYMPTOMS}


def test_the_manual_is_the_errors_own(root: Path) -> None:
    page = (root / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    assert page == troubleshooting.render(), (
        "run: python -m docs.generate.troubleshooting > docs/troubleshooting.md"
    )
