"""The daemon is killed and started again; nobody on either side has to do anything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

from deployer.events import to_json
from deployer.host.past import recorded
from tests.waiting import PATIENCE, until
from tests.wire.test_daemon import (
    TARGET,
    Bench,
    bench,
    ended,
    fetched_again,
    random_file,
    slow,
    until_served,
)

__all__ = ["bench"]


def stored(bench: Bench, since: int) -> list[dict[str, Any]]:
    """What the daemons have written down after that number."""
    return [json.loads(to_json(event)) for _seq, event in recorded(bench.state / "served", since)]


def test_a_watched_push_outlives_its_daemon(bench: Bench) -> None:
    """Not one event is lost, and none comes twice."""
    bench.user = "nobody"
    file = random_file(bench.place / "big.img", 3_000_000)
    slow(bench, "8mbit")
    daemon = bench.serve()
    push = bench.push(file, "--no-run", "--part-size", "256K")
    events = [json.loads(line) for line in until_served(push)]
    pc = bench.pc("--tries", "1")
    until(lambda: len(bench.told("transfer-done", name="BIG.002")) == 1)
    pc.send_signal(signal.SIGSTOP)
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.wait(PATIENCE)
    bench.serve()
    pc.send_signal(signal.SIGCONT)
    assert push.stdout is not None
    out = push.stdout.read()
    assert push.wait(PATIENCE) == 0, out[-3000:]
    assert out.count("The daemon does not answer; waiting up to 60 s for its return.") == 1
    assert out.count("The daemon is back.") == 1
    events += [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert events[-1]["state"] == "proved"
    seen = [event for event in events if event["event"] != "transfer-tick"]
    assert seen == stored(bench, 0)[: len(seen)]


def test_go_bat_waits_for_a_host_that_is_started_again_20_seconds_later(bench: Bench) -> None:
    """Killed in the middle of a part, with an old PC that waits as long as a real one."""
    file = random_file(bench.place / "big.img", 3_000_000)
    slow(bench, "8mbit")
    daemon = bench.serve()
    identity = ended(bench.push(file, "--no-run", "--part-size", "256K", "--detach"))[0][
        "deployment"
    ]
    pc = bench.pc("--tries", "1", "--real-pauses")
    until(lambda: bench.told("transfer-started", name="BIG.003"))
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.wait(PATIENCE)
    time.sleep(20)
    bench.serve()
    assert pc.wait(PATIENCE) == 0, bench.log[-3000:]
    until(
        lambda: bench.told("state-changed", deployment=identity, state="proved"), lambda: bench.log
    )
    assert sum(fetched_again(bench, identity).values()) <= 2


def test_retry_without_a_daemon_sets_the_address_as_push_does(bench: Bench) -> None:
    before = bench.lab.host.picture()
    file = random_file(bench.place / "small.img", 30_000)
    words = [sys.executable, "-m", "deployer"]
    own = ["--json", "--state-dir", str(bench.state), "--timeout"]
    push = [*words, "push", "--target", TARGET, str(file), "--no-run", *own, "0.5"]
    identity = ended(bench.start(push, stdout=subprocess.PIPE), 4)[0]["deployment"]
    retry = bench.start([*words, "retry", identity, *own, "60"], stdout=subprocess.PIPE)
    lines = until_served(retry)
    bench.pc()
    assert ended(retry)[-1]["state"] == "proved"
    assert identity in lines[0]
    assert bench.lab.host.picture() == before


def test_retry_watches_as_push_does(bench: Bench) -> None:
    """It ends with the end of the deployment; with --detach as soon as it is offered."""
    bench.user = "nobody"
    bench.serve()
    file = random_file(bench.place / "small.img", 30_000)
    identity = ended(bench.push(file, "--no-run", "--detach"))[0]["deployment"]
    words = ["env", f"DEPLOYER_SOCKET={bench.socket}", sys.executable, "-m", "deployer"]
    cancel = bench.start([*words, "cancel", identity], stdout=subprocess.PIPE)
    assert "is cancelled" in cancel.communicate(timeout=PATIENCE)[0]
    retry = [*words, "retry", identity, "--json"]
    until(lambda: bench.told("state-changed", deployment=identity, state="cancelled"))
    watching = bench.start(retry, stdout=subprocess.PIPE)
    until(lambda: len(bench.told("deployment-staged", deployment=identity)) == 2)
    bench.pc()
    events = ended(watching)
    assert (events[0]["event"], events[0]["target"]) == ("deployment-staged", TARGET)
    assert events[-1]["state"] == "proved"
    again = ended(bench.start([*retry, "--detach"], stdout=subprocess.PIPE))
    assert [event["event"] for event in again] == ["deployment-staged"]
