"""docs/go-bat.md: every block of a GO.BAT with what it is for.

`python -m docs.generate.gobat > docs/go-bat.md` writes it.
"""

from __future__ import annotations

import sys

from deployer.core.payload import plan
from deployer.core.target import gobat, names
from deployer.model import Manifest, Payload, StagedFile

_SHA256 = "b5db523c75b9a86685e20eaa4f8030f098abb9bec45a33f8f819e05b95bb94ee"


def sample(run: str = "LLAMA98.EXE CAMPF158.L98 --utf8") -> Manifest:
    """A manifest such as the demo's, with an identity that never changes."""
    short = names.assign(["campfire158.l98"])[0]
    parts = plan.parts_of(short, 401_408, 4 << 20, [0x8C3A11F0])
    file = StagedFile("", short.name, "campfire158.l98", 401_408, _SHA256, parts, 0)
    return Manifest("D7F3A21C", "192.168.1.1", "D7F3A21C", "k3v8mq2xwp", Payload((file,), run))


def page(manifest: Manifest, directory: str) -> str:
    """The text of docs/go-bat.md."""
    text = [
        "# GO.BAT, block by block",
        "",
        "What the old PC runs for the sample model. It is made for each deployment and checked",
        "against [COMMAND.COM's rules](lint.md) every time. Numbers such as (B7) name facts about",
        "Windows 98 that the project collects; `DEPLOY98` is the helper, whose exit codes are:",
        "",
        "| code | meaning |",
        "|---|---|",
        *(f"| {code} | {meaning} |" for code, meaning in gobat.HELPER_CODES.items()),
    ]
    for block in gobat.blocks(manifest, directory):
        text += ["", f"## {block.title}", "", block.why, "", "```bat", *block.lines, "```"]
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page(sample(), r"C:\DEPLOY"))
