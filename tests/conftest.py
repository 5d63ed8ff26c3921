"""Shared by all tests: compilers, reference models, and a word on what was skipped and why."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import needs

COMPILERS = {"cc", "cc32", "mingw"}
"""The fixtures that are a compiler. A test with one of them has the marker `compiler`."""

# Hypothesis by itself fails an example that takes 200 ms, as one does on a busy machine.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# A shell that starts the tests in the background, or under nohup, lets them ignore signals, and
# every program that they start as well: those would not end when a test stops them as a user does.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def root() -> Path:
    """The source tree."""
    return needs.ROOT


@pytest.fixture(scope="session")
def cc() -> str:
    """The compiler of this machine."""
    needs.require("gcc")
    return "gcc"


@pytest.fixture(scope="session")
def cc32() -> str:
    """The same, which makes 32-bit programs with the option -m32."""
    needs.require("gcc -m32")
    return "gcc"


@pytest.fixture(scope="session")
def mingw() -> str:
    """The compiler for Windows."""
    needs.require(needs.MINGW)
    return needs.MINGW


@pytest.fixture(scope="session")
def reference_models() -> Path:
    """The directory with stories260K.bin and what it must generate; not part of the project."""
    needs.require("the reference models")
    return needs.REFERENCE_MODELS


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for CI, which has run most tests already when the machine gets all that it needs."""
    parser.addoption("--write-skipped", metavar="FILE", help="Write which tests were skipped.")
    parser.addoption("--only-from", metavar="FILE", help="Run only the tests that FILE names.")


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of our markers."""
    config.addinivalue_line("markers", "needs(*names): skipped unless all of it is here")
    config.addinivalue_line("markers", "compiler: compiles something; each such test has it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that compile: what they do depends on the machine's compilers.

    With --only-from all others are left out; a name in FILE may be a module's.
    """
    for item in items:
        if not COMPILERS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("compiler")
    if (chosen := config.getoption("--only-from")) is not None:
        wanted = set(Path(chosen).read_text(encoding="utf-8").splitlines())
        kept, left_out = [], []
        for item in items:
            module = item.nodeid.partition("::")[0]
            named = item.nodeid in wanted or module in wanted
            (kept if named else left_out).append(item)
        items[:] = kept
        config.hook.pytest_deselected(items=left_out)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that needs what is not here."""
    needs.require(*(name for marker in item.iter_markers("needs") for name in marker.args))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give the report of a skipped test what it lacks: the summary is made in another process.

    All that lack the same are one line of pytest's own summary, wherever they stand.
    """
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, needs.Skipped):
        report.user_properties.append(("lacks", call.excinfo.value.names))
        report.longrepr = ("tests/needs.py", None, f"Skipped: {call.excinfo.value}")
    return report


def _reports(config: pytest.Config) -> list[pytest.TestReport]:
    """Those of the skipped tests."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return reporter.stats.get("skipped", []) if reporter else []


def _skipped(config: pytest.Config) -> list[list[str]]:
    """For each skipped test the names of what it lacks; none when something else is the reason."""
    return [dict(report.user_properties).get("lacks", []) for report in _reports(config)]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """One line: what was skipped for want of what, and what brings it."""
    if said := needs.summary(_skipped(config)):
        terminalreporter.write_line(said, yellow=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write down what was skipped. With DEPLOYER_NO_SKIPS=1, as in CI, such a test fails the run.

    It does not where all that it lacks is what nothing can install.
    """
    written = session.config.getoption("--write-skipped")
    if written is not None and not hasattr(session.config, "workerinput"):
        names = sorted({report.nodeid for report in _reports(session.config)})
        Path(written).write_text("\n".join(names), encoding="utf-8")
    lacked = _skipped(session.config)
    missed = [names for names in lacked if not names or not all(map(needs.is_outside, names))]
    if os.environ.get("DEPLOYER_NO_SKIPS") == "1" and missed and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
