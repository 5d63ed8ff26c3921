"""`deployer demo`: the first minute, without any old PC."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import typer

from deployer.face.cli.options import StateDir, flag
from deployer.face.say import say

app = typer.Typer()

NEXT = (
    "deployer doctor             look at the cable and the wire to your own PC",
    "deployer push --target PC   the same to your own PC, such as 192.168.1.2",
)
"""What to do after the demo, each with what it is for."""


_INTRODUCTION = (
    "A language model of 0.4 MB goes to a simulated Windows 98 PC. The PC fetches it",
    "by FTP, verifies every byte on its own disk, and writes a story with it.",
    "That takes less than a minute, and nothing leaves this computer.",
)

STORY: Final[dict[str, Any]] = {
    "prompt": "Once upon a time",
    "steps": 100,
    "temperature": 0.7,
    "seed": 10,
}
"""Options of the push: what the story is made from."""

Untouched = Annotated[
    bool, flag("--untouched", "A PC with default settings: one address typed, then nothing.")
]


@app.command("demo")
def demo_command(*, untouched: Untouched = False, state_dir: StateDir = None) -> None:
    """Show all of it with a simulated Windows 98 PC.

    A small language model is pushed there, proved to have arrived, and tells a story. It takes
    less than a minute, and nothing leaves this computer.
    """
    from deployer.face.cli.push import push_command

    if untouched:
        _show_untouched()
        return
    for line in _INTRODUCTION:
        say(line)
    say()
    push_command(target="sim", state_dir=state_dir, **STORY)
    say()
    say("What to do next:")
    for line in ("deployer proof              read the proof of what was shown just now", *NEXT):
        say(f"  {line}")


def _show_untouched() -> None:
    """The agent: from an address typed into a browser to its end."""
    from deployer.host import connect

    say(
        "A simulated Windows 98 PC with default settings and no address of its own: somebody types "
        "an address into its browser and says that an agent may stay. After that nobody is there."
    )
    say()
    asyncio.run(connect.show_untouched(lambda step: say(f"  {step}")))
    say()
    say("What stays where, and how to remove it: docs/agent.md")
