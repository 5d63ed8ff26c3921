"""Any batch file against what COMMAND.COM of Windows 98 rejects or mangles; FTP scripts too.

    for finding in check(data, name="GO.BAT"):
        print(finding)

Pure: bytes in, findings out, in the order of lines. The rules are the table in `lint_rules`; a
batch file written to the facts' rules has no findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from deployer.core.lint.commands import DEVICES
from deployer.core.lint.model import Context, Finding, Limits, Rule
from deployer.core.lint.parse import parse
from deployer.core.lint.rules import RULES

__all__ = [
    "RULES", "Finding", "Limits", "Rule", "check", "check_ftp_script", "check_report_names",
    "explain", "render_docs",
]  # fmt: skip

_EXCERPT = 100
_SHORT_NAME = re.compile(r"[A-Z0-9_-]{1,8}(\.[A-Z0-9_-]{1,3})?")
FTP_LINE = 99  # facts A24
_FTP_COMMANDS = """
append ascii bell binary bye cd close debug delete dir disconnect get glob hash help lcd literal
ls mdelete mdir mget mkdir mls mput open prompt put pwd quit quote recv remotehelp rename rmdir
send status trace type user verbose
"""
#: What FTP.EXE of Windows 98 knows (facts A7).
FTP_COMMANDS = frozenset(_FTP_COMMANDS.split())
_FTP_AVOID = {
    "mget": "asks for each file, and its list came in binary mode on 95 (A21)",
    "mput": "asks for each file (A21)",
    "mdelete": "asks for each file (A21)",
    "hash": "slows the client badly (A19)",
    "prompt": "is not needed with -i, and toggles what -i has set (A21)",
    "ascii": "ruins binary files (A5)",
}
_FTP_TRANSFERS = frozenset({"get", "recv", "put", "send", "append"})


def check(
    data: bytes,
    *,
    name: str,
    environment: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> tuple[Finding, ...]:
    """What Windows 98 would reject or mangle in the batch file `name`.

    `environment` gives values of variables that are known; others are assumed to be as long as
    `limits` says.
    """
    script = parse(data, name)
    context = Context(environment or {}, limits or Limits())
    texts = {line.number: line.text for line in script.lines}
    found = [
        Finding(
            rule.id, line, column or None, rule.severity, message,
            texts.get(line, "").strip()[:_EXCERPT], rule.remedy, rule.sources,
            rule.why,
        )
        for rule in RULES
        for line, column, message in rule.check(script, context)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda f: (f.line, f.column or 0)))


def _finding(line: int, message: str, excerpt: str, remedy: str, *sources: str) -> Finding:
    return Finding("ftp-script", line, None, "error", message, excerpt, remedy, sources)


def check_ftp_script(data: bytes) -> tuple[Finding, ...]:
    """What FTP.EXE of Windows 98 would misread in a script for `-n -i -s:`."""
    out: list[Finding] = []
    if not data.endswith(b"\r\n") or data.count(b"\n") != data.count(b"\r\n"):
        out.append(
            _finding(
                1, "lines must end with CR LF", "", "Save it with CR LF line ends.", "facts B3"
            )
        )
    if re.search(rb"[^\x20-\x7e\r\n]", data):
        out.append(_finding(1, "not plain ASCII", "", "Use letters, digits and -_.", "facts B36"))
    lines = data.decode("latin-1").replace("\r", "").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    binary = False
    for number, text in enumerate(lines, 1):
        word = text.split()[0] if text.split() else ""
        out += [_finding(number, m, text, r, *s) for m, r, s in _ftp_line(text, word, binary)]
        binary = binary or word == "binary"
    if not lines or lines[-1].strip() not in ("bye", "quit"):
        out.append(
            _finding(
                len(lines), "the script does not end with bye", "", "End it with bye.", "facts A10"
            )
        )
    return tuple(out)


def _ftp_line(text: str, word: str, binary: bool) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if len(text) > FTP_LINE:
        yield f"{len(text)} bytes", f"Stay under {FTP_LINE + 1} bytes.", ("facts A24",)
    if not word:
        yield "an empty line is an invalid command", "Take it out.", ("facts A9",)
    elif word.startswith("!"):
        yield "! is not supported", "Do it in the batch file.", ("facts A22",)
    elif word not in FTP_COMMANDS:
        if word.lower() in FTP_COMMANDS:
            yield f"{word}: commands are case-sensitive", "Write it small.", ("facts A8",)
        else:
            yield f"{word} is no command of this FTP.EXE", "Leave it out.", ("facts A7",)
    elif word in _FTP_AVOID:
        yield f"{word} {_FTP_AVOID[word]}", "Leave it out.", ("facts A7",)
    if word == "open" and len(text.split()) != 2:
        yield "open takes one address and no port", "Serve on port 21.", ("facts A26",)
    if word in _FTP_TRANSFERS and not binary:
        yield f"{word} before binary", "Put binary in front of it.", ("facts A5",)
    if word in _FTP_TRANSFERS:
        for name in text.split()[1:]:
            if not _SHORT_NAME.fullmatch(name):
                yield (
                    f"{name} is no bare 8.3 name",
                    "Use capitals, digits, _ and -.",
                    ("facts A17", "facts A25"),
                )


def check_report_names(names: Iterable[str]) -> tuple[Finding, ...]:
    """What is wrong with names of files that the target writes: not 8.3, a device."""
    out = []
    for number, name in enumerate(names, 1):
        if not _SHORT_NAME.fullmatch(name):
            out.append(
                Finding(
                    "report-name", number, None, "error", f"{name} is no bare 8.3 name", name,
                    "Use at most 8 + 3 of A-Z, 0-9, _ and -.", ("facts C6",),
                )
            )  # fmt: skip
        elif name.partition(".")[0] in DEVICES:
            out.append(
                Finding(
                    "report-name", number, None, "error", f"{name} is a device", name,
                    "Choose another name.", ("facts C7",),
                )
            )  # fmt: skip
    return tuple(out)


def explain(rule_id: str) -> str:
    """Why a rule exists, what to do, and where that is known from; KeyError for an unknown id."""
    rule = {rule.id: rule for rule in RULES}[rule_id]
    return f"{rule.title}\n{rule.why}\n{rule.remedy}\nSources: {', '.join(rule.sources)}\n"


def _example(data: bytes) -> str:
    shown = data.replace(b"\r\n", b"\n").decode("latin-1").replace("\x1a", "^Z")
    lines = [
        line if len(line) <= 90 else line[:80] + "..." for line in shown.rstrip("\n").split("\n")
    ]
    return "```bat\n" + "\n".join(lines) + "\n```\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def render_docs() -> str:
    """The text of docs/lint.md."""
    out = [
        "# What `deployer lint` knows\n",
        "Rules for batch files on Windows 95, 98 and ME, from Microsoft's knowledge base, the",
        "MS-DOS sources and cases observed on a real COMMAND.COM. This page is made from the",
        "table in `deployer/core/lint/rules.py`.\n",
        "| rule | says | severity |",
        "|---|---|---|",
        *(f"| [{rule.id}](#{rule.id}) | {_cell(rule.title)} | {rule.severity} |" for rule in RULES),
        "",
    ]
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
