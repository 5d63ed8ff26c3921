"""`deployer demo`: the first minute, without any old PC."""

from __future__ import annotations

import typer

from deployer.face.cli.options import StateDir
from deployer.face.say import say

app = typer.Typer()

NEXT = (
    "deployer doctor             look at the wire to your own PC, after the cable is in",
    "deployer push --target PC   the same to your own PC, such as 192.168.1.2",
)
"""What to do after the demo, each with what it is for."""


@app.command("demo")
def demo_command(*, state_dir: StateDir = None) -> None:
    """Show all of it with a simulated Windows 98 PC.

    A small language model is pushed there, proved to have arrived, and tells a story. It takes
    less than a minute, and nothing leaves this computer.
    """
    from deployer.face.cli.push import push_command

    say(
        "A language model of 1 MB goes to a simulated Windows 98 PC, which fetches it by FTP, "
        "checks every byte on its own disk and tells a story with it: less than a minute."
    )
    say()
    push_command(
        target="sim", prompt="Once upon a time", steps=200, temperature=0.8, seed=1,
        state_dir=state_dir,
    )  # fmt: skip
    say()
    say("What to do next:")
    for line in ("deployer proof              read the proof of what was shown just now", *NEXT):
        say(f"  {line}")
