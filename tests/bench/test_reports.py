"""Reports: JUnit by its schema's rules, a page that needs nothing else, numbers that agree."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from deployer.__main__ import run
from deployer.bench import Delivery, Outcome, Results, TargetResult, UnknownCaller, reports
from deployer.bench.results import to_dict
from deployer.face import text
from deployer.model import FileProof, Proof, Report

if TYPE_CHECKING:
    from tests.bench.conftest import World


def proof(run_exit: int = 0, speed: float | None = None) -> Proof:
    files = (FileProof("A.BIN", 5, "a" * 64, "good"),)
    report = Report("D0000001", True, "RUN", 0, files=files, run="A.EXE", run_exit=run_exit)
    return Proof("D0000001", not run_exit, "", report, files, speed)


RESULTS = Results(
    bench="museum <1>.toml",
    started=1_700_000_000.0,
    seconds=12.5,
    targets=(
        TargetResult(
            "pc01", "192.168.1.11", ("hall",), Outcome.PROVED, seconds=12.0, deliveries=(
                Delivery("story", Outcome.PROVED, tries=1, length=1000, sent=1000, moving=0.5,
                         seconds=11.5, deployment="D0000001", proof=proof(speed=3.25)),
                Delivery("data", Outcome.THERE, length=50, proof=proof()),
            ),
        ),
        TargetResult(
            "pc02", "192.168.1.12", (), Outcome.FAILED, 'disk full: "C:" & more\x01', 5, 3.0,
            deliveries=(
                Delivery("data", Outcome.FAILED, 'disk full: "C:" & more\x01', 5, tries=1, sent=20,
                         moving=0.1, seconds=3.0),
            ),
        ),
        TargetResult("pc03", "192.168.1.13", (), Outcome.FAILED, "another machine", 5, 0.1),
        TargetResult("pc04", "192.168.1.14", (), Outcome.FAILED, "power on failed", 3, 0.1),
        TargetResult("pc05", "192.168.1.15", (), Outcome.FAILED, "nothing", 4, 9.0),
    ),
    unknown_callers=(UnknownCaller("192.168.1.99", "00:11:22:33:44:55"),),
)  # fmt: skip


def test_junit_keeps_the_rules_of_the_common_schema() -> None:
    root = ET.fromstring(reports.junit(RESULTS))
    assert (root.tag, root.attrib) == ("testsuites", {})
    counts = {
        key: sum(int(s.get(key, "")) for s in root) for key in ("tests", "failures", "errors")
    }
    assert counts == {"tests": 6, "failures": 3, "errors": 1}
    for number, suite in enumerate(root):
        assert suite.tag == "testsuite"
        needed = {"name", "timestamp", "hostname", "tests", "failures", "errors", "time", "id",
                  "package"}  # fmt: skip
        assert needed == set(suite.attrib)
        assert suite.get("id") == str(number)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", ""))
        tags = [child.tag for child in suite]
        assert tags[0] == "properties"
        assert tags[-2:] == ["system-out", "system-err"]
        told = suite.findtext("system-out") or ""
        assert (f"A.BIN 5 {'a' * 64} good" in told) == (suite.get("name") == "pc01")
        assert set(tags[1:-2]) == {"testcase"}
        for case in suite.findall("testcase"):
            assert set(case.attrib) == {"name", "classname", "time"}
            assert len(case) <= 1
            for trouble in case:
                assert trouble.tag in ("failure", "error")
                assert {"type", "message"} == set(trouble.attrib)


def test_what_is_the_hosts_fault_is_an_error_and_the_targets_a_failure() -> None:
    root = ET.fromstring(reports.junit(RESULTS))
    told = {
        f"{case.get('classname')}.{case.get('name')}": [child.tag for child in case]
        for case in root.iter("testcase")
    }
    assert told == {
        "pc01.story": [], "pc01.data": [], "pc02.data": ["failure"], "pc03.machine": ["failure"],
        "pc04.machine": ["error"], "pc05.machine": ["failure"],
    }  # fmt: skip


HOSTILE = (
    "<script>alert(1)</script>", "]]>", "&amp;", "\"'", "\0\x01\x1b[31m\x7f", "\ud800\udcff",
    "\ufffe\uffff", "\u202e\u2028", "\r\n\t", "\U0001f4be" * 3, "x" * 100_000,
)  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_whatever_stands_in_a_name_or_a_reason_the_reports_hold(hostile: str) -> None:
    delivery = Delivery(hostile, Outcome.FAILED, hostile, 5, hostile, proof=proof())
    target = TargetResult(
        hostile,
        hostile,
        (hostile,),
        Outcome.FAILED,
        hostile,
        5,
        mac=hostile,
        deliveries=(delivery,),
    )
    results = Results(hostile, 0.0, 1.0, (target,), (UnknownCaller(hostile, hostile, hostile),))
    root = ET.fromstring(reports.junit(results).encode("utf-8"))
    assert len(list(root.iter("failure"))) == 1
    page = _Page(reports.page(results, text.size).encode("utf-8").decode("utf-8"))
    assert "script" not in {tag for tag, _ in page.tags}
    assert len(page.rows) == 2
    if hostile.isprintable():
        assert page.rows[1][-1] == hostile


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.bars: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in = tag
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in in ("td", "th"):
            self.rows[-1][-1] += data
        elif self._in == "text":
            self.bars.append(data)


def test_the_page_needs_nothing_from_elsewhere() -> None:
    drawn = reports.page(RESULTS, text.size)
    assert "http" not in drawn
    page = _Page(drawn)
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert not [a for _, a in page.tags if {"src", "href", "onload", "onclick"} & set(a)]
    assert "url(" not in drawn
    assert "museum &lt;1&gt;.toml" in drawn


def test_the_pages_numbers_are_those_of_the_json() -> None:
    plain = to_dict(RESULTS)
    page = _Page(reports.page(RESULTS, text.size))
    _header, *rows = page.rows
    told = []
    for target in plain["targets"]:
        for delivery in target["deliveries"] or [None]:
            rate = delivery and delivery["rate"]
            speed = delivery and delivery["tokens_per_second"]
            told.append([
                target["name"], target["address"], delivery["payload"] if delivery else "",
                delivery["outcome"] if delivery else target["outcome"],
                text.size(delivery["sent"]) if delivery else "",
                f"{delivery['seconds']:.1f}" if delivery else "",
                f"{text.size(round(rate))}/s" if rate is not None else "",
                f"{speed:g}" if speed else "",
            ])  # fmt: skip
    assert [row[:8] for row in rows] == told
    assert {"11.5", "2.0 kB/s", "200 bytes/s", "3.25"} <= set(page.bars)
    assert f"exit code {plain['exit_code']}" in reports.page(RESULTS, text.size)


def test_exit_codes_say_the_gravest() -> None:
    assert RESULTS.exit_code == 3
    for code in (1, 4, 5, 6, 130):
        ended = Results("b", 0, 1, (TargetResult("a", "b", (), Outcome.FAILED, "", code),))
        assert ended.exit_code == code
    assert Results("b", 0, 1, RESULTS.targets[:1]).exit_code == 0


def test_the_command_line_writes_all_reports_and_ends_with_the_code(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = tmp_path / "b.toml"
    world.payload("one")
    bench.write_text(
        '[payloads.one]\nfiles = ["one.bin"]\n[wire]\naddress = "127.0.0.1/8"\nftp_port = 0\n'
        '[defaults]\npayloads = ["one"]\ndeadline = 0.3\n[targets.pc01]\naddress = "127.0.1.1"\n'
    )
    words = ["provision", str(bench), "--state-dir", str(tmp_path / "state")]
    files = ["--junit", str(tmp_path / "r.xml"), "--html", str(tmp_path / "r.html")]
    assert run([*words, *files]) == 4
    out = capsys.readouterr().out
    assert "pc01: failed: not done within 0.3 s" in out
    assert "0 of 1 proved (0 now)" in out
    assert ET.parse(tmp_path / "r.xml").getroot()[0].get("failures") == "1"
    assert "0 of 1 proved" in (tmp_path / "r.html").read_text()
    assert run([*words, "--json"]) == 4
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["event"], last["exit_code"]) == ("bench-results", 4)
    assert last["targets"][0]["deliveries"][0]["outcome"] == "failed"


@pytest.mark.parametrize("option", ["--junit", "--html"])
def test_a_report_without_a_place_is_told_before_anything_is_sent(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    bench = tmp_path / "b.toml"
    world.payload("one")
    bench.write_text(
        '[payloads.one]\nfiles = ["one.bin"]\n[targets.pc01]\naddress = "192.168.1.2"\n'
        'payloads = ["one"]\n'
    )
    words = ["provision", str(bench), "--state-dir", str(tmp_path / "state")]
    for place in (tmp_path / "none" / "r", tmp_path):
        assert run([*words, option, str(place)]) == 1
        assert f"{place}: cannot be written" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_init_writes_an_example_and_never_over_another_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = str(tmp_path / "b.toml")
    assert run(["provision", bench, "--init"]) == 0
    assert run(["provision", bench, "--init"]) == 1
    assert run(["provision", "--schema"]) == 0
    assert '"$schema"' in capsys.readouterr().out
    assert run(["provision"]) == 1
