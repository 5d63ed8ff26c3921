"""Reports of a run: JUnit for build servers, one HTML page for people. From results to text."""

from __future__ import annotations

import datetime
import html
import re
from collections.abc import Callable, Sequence
from xml.etree import ElementTree as ET

from deployer.bench.results import Delivery, Outcome, Results, TargetResult
from deployer.core.target.proof import how_it_ended
from deployer.errors import EXIT_UNREACHABLE, EXIT_USE


def junit(results: Results) -> str:
    """JUnit's XML: a suite per target, a case per payload.

    What the host or the bench file is to blame for is an error, what the target is to blame for a
    failure; what was there already is a case that passed, and says so in its output.
    """
    root = ET.Element("testsuites")
    root.extend(_suite(results, target, n) for n, target in enumerate(results.targets))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_plain(text)}\n'


def _suite(results: Results, target: TargetResult, number: int) -> ET.Element:
    cases = [_case(target, delivery) for delivery in target.deliveries]
    if not target.proved and all(delivery.proved for delivery in target.deliveries):
        case = ET.Element("testcase", name="machine", classname=target.name, time="0.000")
        _trouble(case, target.reason, target.code)
        cases.append(case)
    began = datetime.datetime.fromtimestamp(results.started, tz=datetime.UTC)
    suite = ET.Element(
        "testsuite",
        name=target.name,
        package="deployer",
        id=str(number),
        timestamp=began.strftime("%Y-%m-%dT%H:%M:%S"),
        hostname=target.address,
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        time=f"{target.seconds:.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    known = {"address": target.address, "mac": target.mac, "groups": " ".join(target.groups)}
    for name, value in known.items():
        if value:
            ET.SubElement(properties, "property", name=name, value=value)
    suite.extend(cases)
    proofs = [lines for delivery in target.deliveries if (lines := _proof_lines(target, delivery))]
    ET.SubElement(suite, "system-out").text = "\n\n".join(proofs)
    ET.SubElement(suite, "system-err")
    return suite


def _case(target: TargetResult, delivery: Delivery) -> ET.Element:
    case = ET.Element(
        "testcase",
        name=delivery.payload,
        classname=target.name,
        time=f"{delivery.seconds:.3f}",
    )
    if not delivery.proved:
        _trouble(case, delivery.reason, delivery.code)
    return case


def _trouble(case: ET.Element, reason: str, code: int) -> None:
    ours = code < EXIT_UNREACHABLE or code > 100
    kind = "wrong input" if code == EXIT_USE else f"exit code {code}"
    found = ET.SubElement(case, "error" if ours else "failure", type=kind, message=reason or kind)
    found.text = reason


_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _plain(text: str) -> str:
    """Without what XML and UTF-8 cannot hold: controls, halves of names that are no Unicode."""
    return _NOT_IN_XML.sub("?", text)


# --- HTML

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;
color:#1b1f24;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d0d7de;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.proved,.there,.done{color:#116329}.failed{color:#a40e26}
svg{width:100%;height:auto}details{margin:.3rem 0}
pre{overflow-x:auto;background:#f6f8fa;padding:.5rem}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}
th,td{border-color:#30363d}.proved,.there,.done{color:#56d364}.failed{color:#ff7b72}
pre{background:#161b22}svg text{fill:#e6edf3}}
"""


Size = Callable[[int], str]
"""A number of bytes as people read it."""


def page(results: Results, size: Size) -> str:
    """One HTML file that needs nothing else: table, charts, every proof."""
    when = datetime.datetime.fromtimestamp(results.started, tz=datetime.UTC)
    good = sum(target.proved for target in results.targets)
    charts = [
        _chart("Seconds", results, lambda d: d.seconds if d.outcome == Outcome.PROVED else None),
        _chart("Speed of the wire", results, lambda d: d.rate, lambda rate: _rate(rate, size)),
        _chart("Tokens per second", results, lambda d: d.tokens_per_second),
    ]
    return _plain(f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{_e(results.bench)}: {good} of {len(results.targets)} proved</title>
<style>{_STYLE}</style></head><body>
<h1>{_e(results.bench)}</h1>
<p>{when:%Y-%m-%d %H:%M:%S} UTC, {results.seconds:.1f} s: <b>{good} of {len(results.targets)}
proved</b>, {size(sum(t.sent for t in results.targets))} sent, exit code {results.exit_code}.</p>
{_table(results, size)}{"".join(charts)}{_unknown_callers(results)}
<h2>Proofs</h2>{"".join(_proof(t, d) for t in results.targets for d in t.deliveries)}
</body></html>
""")


def _e(text: object) -> str:
    return html.escape(str(text))


def _table(results: Results, size: Size) -> str:
    rows = []
    for target in results.targets:
        for delivery in target.deliveries or (None,):
            outcome = delivery.outcome if delivery else target.outcome
            reason = (delivery.reason if delivery else "") or target.reason
            figures = _figures(delivery, size) if delivery else ("", "", "", "")
            cells = "".join(f'<td class="n">{figure}</td>' for figure in figures)
            rows.append(
                f"<tr><td>{_e(target.name)}</td><td>{_e(target.address)}</td>"
                f"<td>{_e(delivery.payload) if delivery else ''}</td>"
                f'<td class="{outcome}">{outcome}</td>{cells}<td>{_e(reason)}</td></tr>'
            )
    return (
        '<table id="results"><tr><th>target</th><th>address</th><th>payload</th><th>outcome</th>'
        '<th class="n">sent</th><th class="n">seconds</th><th class="n">speed</th>'
        f'<th class="n">tok/s</th><th>what</th></tr>{"".join(rows)}</table>'
    )


def _figures(delivery: Delivery, size: Size) -> Sequence[str]:
    rate, tokens = delivery.rate, delivery.tokens_per_second
    return (
        size(delivery.sent),
        f"{delivery.seconds:.1f}",
        _rate(rate, size) if rate is not None else "",
        f"{tokens:g}" if tokens is not None else "",
    )


def _rate(rate: float, size: Size) -> str:
    """`4.2 MB/s`."""
    return f"{size(round(rate))}/s"


def _chart(
    title: str,
    results: Results,
    value: Callable[[Delivery], float | None],
    written: Callable[[float], str] = lambda found: f"{found:,.4g}",
) -> str:
    """Bars, one per payload and machine; nothing when nobody has a value."""
    bars = [
        (f"{target.name} {delivery.payload}", found)
        for target in results.targets
        for delivery in target.deliveries
        if (found := value(delivery)) is not None
    ]
    if not bars:
        return ""
    most = max(found for _name, found in bars) or 1.0
    drawn = []
    for number, (name, found) in enumerate(bars):
        top, width = number * 22, 520 * found / most
        drawn.append(
            f'<text x="190" y="{top + 15}" text-anchor="end">{_e(name)}</text>'
            f'<rect x="200" y="{top + 3}" width="{width:.1f}" height="16" fill="#3b82f6"/>'
            f'<text x="{206 + width:.1f}" y="{top + 15}">{_e(written(found))}</text>'
        )
    return (
        f'<h2>{_e(title)}</h2><svg viewBox="0 0 820 {len(bars) * 22}" font-size="12" role="img" '
        f'aria-label="{_e(title)} per machine">{"".join(drawn)}</svg>'
    )


def _unknown_callers(results: Results) -> str:
    if not results.unknown_callers:
        return ""
    items = "".join(
        f"<li>{_e(s.address)} {_e(s.mac)}: {_e(s.what)}</li>" for s in results.unknown_callers
    )
    return f"<h2>Not of this bench, not served</h2><ul>{items}</ul>"


def _proof(target: TargetResult, delivery: Delivery) -> str:
    title, _, shown = _proof_lines(target, delivery).partition("\n")
    if not title:
        return ""
    return f"<details><summary>{_e(title)}</summary><pre>{_e(shown)}</pre></details>"


def _proof_lines(target: TargetResult, delivery: Delivery) -> str:
    """What was proved and by whom, a title first; "" without a proof."""
    if delivery.proof is None:
        return f"{target.name}, {delivery.payload}:\n{delivery.told}" if delivery.told else ""
    report = delivery.proof.report
    lines = [f"{target.name}, {delivery.payload}: {delivery.outcome}"]
    lines += [f"deployment {delivery.deployment}", f"system {report.system}", f"cpu {report.cpu}"]
    lines += [f"{f.name} {f.length} {f.sha256} {f.verdict}" for f in report.files]
    if report.run:
        lines.append(f"ran {report.run}: {how_it_ended(report)}")
    return "\n".join(lines)
