"""From what a face was told to a `Host`: the running daemon's, else one in this process."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.edge import rehearsal


def check_simulator() -> None:
    """Raises SimulatorMissing when the simulated PC cannot run here."""
    rehearsal.check_installed()


def check_faults(faults: Sequence[str]) -> None:
    """Raises WrongUse when the simulated PC does not know one of the faults."""
    rehearsal.check_faults(faults)


def run_simulator(arguments: Sequence[str]) -> int:
    """Run a simulated PC on this terminal; its exit code."""
    return rehearsal.run_here(arguments)
