"""The cable of an old PC is pulled while its agent carries out an order, on a real wire.

For 3 s, which its connections outlast; and for 3 min, after which the agent has been missed and
calls again. Those are minutes of two clocks that go 20 times as fast.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer.events import AgentGone, AgentHello
from deployer.host.agents.simulated import LINKS
from deployer.host.past import recorded
from tests.waiting import until as eventually
from tests.wire.test_nobody_there import push
from tests.wire.test_untouched import until

if TYPE_CHECKING:
    from tests.wire.conftest import Lab

pytest.importorskip("unicorn")
FASTER = 20
HOST_FASTER = f"""
from deployer.core.agents import words
words.SILENCE, words.LONGEST_WAIT = {60 / FASTER}, {50 / FASTER}
"""
PC_FASTER = f"""
import time
from deployer.sim.win32.clock import RealClock
RealClock.ticks = lambda self: (time.monotonic() - self._start) * {FASTER}
RealClock.sleep = lambda self, seconds: time.sleep(seconds / {FASTER})
"""
PROGRAM = (
    b"@ECHO x>> C:\\TRACE.TXT\r\n@ECHO first\r\n:A\r\n@IF NOT EXIST C:\\MORE.TXT GOTO A\r\n"
    b"@ECHO second\r\n"
)


class Pulled:
    """A host, an old PC whose agent is about an order, and the cable between them."""

    def __init__(self, lab: Lab, folder: Path, *, faster: bool) -> None:
        self.lab, self.state, self.disk = lab, folder / "state", folder / "c"
        control = self.state / "control.sock"
        daemon = lab.host.start(
            sys.executable, "-c",
            (HOST_FASTER if faster else "") + "from deployer.__main__ import main; main()",
            "serve", "--state-dir", self.state, "--control", control,
        )  # fmt: skip
        assert daemon.stdout is not None
        assert any(line.startswith("ready on") for line in daemon.stdout)
        first = push(lab, self.state, 1)
        until(first, "deployment-staged", target="any")
        lab.target.start(
            sys.executable, "-c",
            (PC_FASTER if faster else "")
            + "import sys; from deployer.sim.__main__ import main; sys.exit(main())",
            "--untouched=http://192.168.1.1/", "--disk", self.disk,
            *(f"--follow={words}" for words in LINKS),
        )  # fmt: skip
        until(first, "state-changed", state="proved")
        assert first.wait(60) == 0
        (self.disk / "DEPLOY" / "T.BAT").write_bytes(PROGRAM)

    def run(self) -> subprocess.Popen[str]:
        """The order, as soon as its first line has come."""
        command = self.lab.host.start(
            sys.executable, "-m", "deployer", "run", "--state-dir", self.state, "OLD-PC", "T.BAT"
        )
        assert command.stdout is not None
        assert any(line.startswith("first") for line in command.stdout)
        return command

    def pull(self) -> None:
        """Out comes the cable; then the program says its second line, and ends."""
        self.lab.pull("target")
        (self.disk / "MORE.TXT").touch()

    def told(self, kind: type) -> list[AgentGone]:
        """What the daemon, which root has started, has written down."""
        return [event for _seq, event in recorded(self.state / "served") if isinstance(event, kind)]

    def ends_well(self, command: subprocess.Popen[str]) -> None:
        """All of the output and the exit code have come, and it was done once."""
        said, _ = command.communicate(timeout=120)
        assert "second" in said.splitlines(), said
        assert command.returncode == 0
        assert (self.disk / "TRACE.TXT").read_bytes() == b"x\r\n"


def test_three_seconds_without_a_cable_are_nothing(wire: Lab, tmp_path: Path) -> None:
    pulled = Pulled(wire, tmp_path, faster=False)
    command, calls = pulled.run(), len(pulled.told(AgentHello))
    pulled.pull()
    time.sleep(3)
    wire.push_in("target")
    pulled.ends_well(command)
    assert not pulled.told(AgentGone)
    assert len(pulled.told(AgentHello)) == calls > 0


def test_after_three_minutes_without_a_cable_the_agent_calls_again(
    wire: Lab, tmp_path: Path
) -> None:
    pulled = Pulled(wire, tmp_path, faster=True)
    command = pulled.run()
    pulled.pull()
    begun = time.monotonic()
    eventually(lambda: any(gone.why == "silence" for gone in pulled.told(AgentGone)))
    time.sleep(max(0.0, begun + 180 / FASTER - time.monotonic()))
    wire.push_in("target")
    pulled.ends_well(command)
    assert len(pulled.told(AgentHello)) >= 2
