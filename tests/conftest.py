"""Shared by all tests: where the reference models are; no silent skips where all is installed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

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
    return ROOT


@pytest.fixture(scope="session")
def reference_models() -> Path:
    """The directory with stories260K.bin and what it must generate; not part of the project."""
    models = SHARED / "models"
    if not (models / "stories260K.bin").is_file():
        pytest.skip("reference models (../shared/models) are not on this machine")
    return models


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With DEPLOYER_NO_SKIPS=1, as in CI, a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", [])) if reporter else 0
    if os.environ.get("DEPLOYER_NO_SKIPS") == "1" and skipped and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
