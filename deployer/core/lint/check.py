"""Any batch file against what COMMAND.COM of Windows 98 rejects or mangles; FTP scripts too.

    for finding in check(data, name="GO.BAT"):
        print(finding)

Pure: bytes in, findings out, in the order of lines. The rules are the table in `rules`; a
batch file written to the facts' rules has no findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from deployer.core.lint.model import Context, Doubt, Finding, Hit, LengthLimits, Rule, Severity
from deployer.core.lint.parse import parse
from deployer.core.lint.paths import follow
from deployer.core.lint.rules import RULES
from deployer.core.target.names import is_short

__all__ = ["RULES", "Finding", "LengthLimits", "Rule", "check", "check_ftp_script"]

_EXCERPT = 100
#: Pictures of the control characters, so that an excerpt does nothing to a screen.
_PICTURES = {**{code: 0x2400 + code for code in range(32)}, 0x7F: 0x2421}
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
    limits: LengthLimits | None = None,
) -> tuple[Finding, ...]:
    """What Windows 98 would reject or mangle in the batch file `name`.

    `environment` gives values of variables that are known; others are assumed to be as long as
    `limits` says. An `error` does not run as written. A `warning` runs, or may run: it depends on
    what is not known here, or stands where Windows 98 never comes.
    """
    script = parse(data, name)
    context = Context(environment or {}, limits or LengthLimits())
    texts = {line.number: line.text.translate(_PICTURES) for line in script.lines}
    paths = follow(script, context)

    def severity(rule: Rule, hit: Hit) -> Severity:
        reached = rule.of_file or hit[0] not in texts or paths.reaches(hit[0])
        return rule.severity if reached and not isinstance(hit, Doubt) else "warning"

    found = [
        Finding(
            rule.id, hit[0], hit[1] or None, severity(rule, hit), hit[2],
            texts.get(hit[0], "").strip()[:_EXCERPT], rule.remedy, rule.sources,
            rule.why, rule.only_dos400,
        )
        for rule in RULES
        for hit in rule.check(script, context)
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
            if not is_short(name):
                yield (
                    f"{name} is no bare 8.3 name",
                    "Use capitals, digits, _ and -.",
                    ("facts A17", "facts A25"),
                )
