"""docs/lint.md, made from the table of rules.

`python -m docs.generate.lint > docs/lint.md` writes it.
"""

from __future__ import annotations

import sys

from deployer.core.lint.rules import RULES

_HEAD = """\
# What `deployer lint` knows

Rules for batch files on Windows 95, 98 and ME, from Microsoft's knowledge base, the
MS-DOS sources and cases observed on a real COMMAND.COM. This page is made from the
table in `deployer/core/lint/rules.py`: `python -m docs.generate.lint > docs/lint.md`.

| rule | says | severity |
|---|---|---|
"""


def page() -> str:
    """The text of docs/lint.md."""
    table = "".join(
        f"| [{rule.id}](#{rule.id}) | {_cell(rule.title)} | {rule.severity} |\n" for rule in RULES
    )
    out = [_HEAD + table]
    for rule in RULES:
        out += [
            f"## {rule.id}\n",
            f"**{rule.title}** ({rule.severity}). {rule.why}\n",
            f"{rule.remedy}\n",
            f"Refused:\n\n{_example(rule.bad)}",
            f"Taken:\n\n{_example(rule.good)}",
            f"Sources: {', '.join(rule.sources)}.\n",
        ]
    return "\n".join(out)


def _example(data: bytes) -> str:
    shown = data.replace(b"\r\n", b"\n").decode("latin-1").replace("\x1a", "^Z")
    lines = [
        line if len(line) <= 90 else line[:80] + "..." for line in shown.rstrip("\n").split("\n")
    ]
    return "```bat\n" + "\n".join(lines) + "\n```\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
