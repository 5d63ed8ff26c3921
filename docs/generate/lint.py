"""docs/lint-rules.md, made from the table of rules.

`python -m docs.generate.lint > docs/lint-rules.md` writes it.
"""

from __future__ import annotations

import sys

from deployer.core.lint.rules import RULES

_HEAD = """\
# Every rule of `deployer lint`

[The guide](lint.md) says how to use it. This page is made from the table in
`deployer/core/lint/rules.py`: `python -m docs.generate.lint > docs/lint-rules.md`.

Some rules rest on MS-DOS 4.00 alone, whose COMMAND.COM is the ancestor of Windows 98's. They say
so, here and in each finding.

| rule | says | severity |
|---|---|---|
"""

_PICTURES = {0x1A: "^Z", 0x07: "^G"}
_ONLY_DOS400 = " Known from MS-DOS 4.00 only."


def page() -> str:
    """The text of docs/lint-rules.md."""
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
            f"Sources: {', '.join(rule.sources)}.{_ONLY_DOS400 if rule.only_dos400 else ''}\n",
        ]
    return "\n".join(out)


def _example(data: bytes) -> str:
    shown = data.replace(b"\r\n", b"\n").decode("cp437").translate(_PICTURES)
    lines = [
        line if len(line) <= 90 else line[:80] + "..." for line in shown.rstrip("\n").split("\n")
    ]
    return "```bat\n" + "\n".join(lines) + "\n```\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
