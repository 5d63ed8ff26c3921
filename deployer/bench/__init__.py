"""Many old PCs from one file: `Bench.load("bench.toml")`, then `provision(bench)`."""

from __future__ import annotations

from deployer.bench.inventory import Bench, BenchPayload, BenchPower, BenchTarget, BenchWire
from deployer.bench.provision import provision
from deployer.bench.results import Delivery, Outcome, Results, TargetResult, UnknownCaller
from deployer.bench.worker import Watchers

__all__ = [
    "Bench",
    "BenchPayload",
    "BenchPower",
    "BenchTarget",
    "BenchWire",
    "Delivery",
    "Outcome",
    "Results",
    "TargetResult",
    "UnknownCaller",
    "Watchers",
    "provision",
]
