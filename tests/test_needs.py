"""What a test run says when something is missing on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import needs

pytest_plugins = ["pytester"]

REFUSES = """#!/bin/sh
for word; do [ "$word" != -m32 ] || { echo "no 32-bit libraries" >&2; exit 1; }; done
printf '#!/bin/sh\\n' >try && chmod +x try
"""
CONFTEST = """
from tests.conftest import *
"""
TESTS = """
import pytest
from tests import needs

@pytest.mark.needs("no-such-program")
@pytest.mark.parametrize("n", range(3))
def test_of_a_program(n): ...

@pytest.fixture(scope="session")
def made(): needs.require("no-such-program", "no-other")

def test_by_a_fixture(made): ...

def test_that_needs_nothing(): ...
"""


@pytest.fixture
def refusing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH with a gcc that makes programs, but none for 32 bits."""
    for name, text in {"gcc": REFUSES, "ar": "#!/bin/sh\n", "make": "#!/bin/sh\n"}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


@pytest.mark.usefixtures("refusing")
def test_a_compiler_is_tried_and_not_only_found() -> None:
    assert needs.need_of("gcc").missing() == ""
    assert needs.need_of("gcc -m32").missing() == "no 32-bit libraries"


def test_no_compiler_at_all_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("gcc", "gcc -m32", needs.MINGW, "valgrind", "rz"):
        assert needs.need_of(name).missing()


def test_the_summary_is_one_line_with_the_command() -> None:
    assert needs.summary([]) == ""
    assert needs.summary([["gcc -m32"], ["rz", "socat"], ["rz"], [], ["the reference models"]]) == (
        "Tests skipped for want of rz (2), gcc -m32 (1), socat (1), the reference models (1); "
        "what brings it: apt install gcc-multilib lrzsz make socat"
    )


@pytest.fixture(autouse=True)
def _our_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(needs.ROOT))


def test_a_run_names_what_it_skipped(pytester: pytest.Pytester) -> None:
    """Also when other processes run the tests."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    pytester.makeini("[pytest]\naddopts = -ra")
    result = pytester.runpytest_subprocess("-n", "1", "-p", "no:deployer", "-p", "no:cacheprovider")
    assert result.parseoutcomes() == {"skipped": 4, "passed": 1}
    result.stdout.fnmatch_lines(
        [
            "Tests skipped for want of no-such-program (4), no-other (1); what brings it: apt *",
            "SKIPPED [[]3[]] tests/needs.py: needs no-such-program (it is not installed)",
        ]
    )


@pytest.mark.parametrize(("name", "code"), [("no-such-program", 1), ("the reference models", 0)])
def test_where_no_skip_is_allowed_it_fails_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    """Save for what nothing can install."""
    monkeypatch.setenv("DEPLOYER_NO_SKIPS", "1")
    pytester.makeconftest(
        CONFTEST + "\nfrom pathlib import Path\nneeds.REFERENCE_MODELS = Path('/nowhere')\n"
    )
    pytester.makepyfile(
        f"import pytest\n@pytest.mark.needs({name!r})\ndef test_it(): ...\ndef test_other(): ...\n"
    )
    result = pytester.runpytest_subprocess("-p", "no:deployer", "-p", "no:cacheprovider")
    assert result.parseoutcomes() == {"skipped": 1, "passed": 1}
    assert result.ret == code
