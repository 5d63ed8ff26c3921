"""Reports as programs that are not ours read them: an XSD processor, and a browser."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import xmlschema

from deployer.bench import reports
from deployer.bench.results import to_dict
from tests.bench.test_reports import RESULTS

SCHEMA = Path(__file__).with_name("junit.xsd")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


def test_junit_is_valid() -> None:
    xmlschema.XMLSchema(SCHEMA).validate(reports.junit(RESULTS))


@pytest.mark.parametrize("damage", [('tests="2"', ""), ("<testcase", "<test"), ("T22:13:20", "")])
def test_the_schema_can_refuse(damage: tuple[str, str]) -> None:
    bad = reports.junit(RESULTS).replace(*damage, 1)
    assert not xmlschema.XMLSchema(SCHEMA).is_valid(bad)


def test_a_browser_without_a_network_shows_the_numbers_of_the_json(tmp_path: Path) -> None:
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    page = tmp_path / "report.html"
    page.write_text(reports.page(RESULTS), encoding="utf-8")
    shown = subprocess.run(
        ["chromium", *QUIET, f"--user-data-dir={tmp_path / 'home'}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    cells = [html.unescape(re.sub("<[^>]*>", "", c)).strip() for c in re.findall(
        r"<t[dh][^>]*>(.*?)</t[dh]>", shown, re.S)]  # fmt: skip
    plain = to_dict(RESULTS)
    for target in plain["targets"]:
        assert target["name"] in cells
        for delivery in target["deliveries"]:
            assert f"{delivery['sent']:,}" in cells
            assert f"{delivery['seconds']:.1f}" in cells
    assert "<svg" in shown
