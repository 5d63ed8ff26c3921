"""Reports as programs that are not ours read them: an XSD processor, and a browser."""

from __future__ import annotations

import html
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
import xmlschema

from deployer.bench import reports
from deployer.bench.results import to_dict
from deployer.face import text
from tests import needs
from tests.bench.test_reports import RESULTS

SCHEMA = Path(__file__).with_name("junit.xsd")
PUBLISHED = Path(__file__).parents[2] / "build" / "schemas"
"""Source packages with the schemas of Jenkins' and Meson's, where .ci/run has put them."""
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


def test_junit_is_valid() -> None:
    xmlschema.XMLSchema(SCHEMA).validate(reports.junit(RESULTS))


def published() -> dict[str, str]:
    """The schemas that others have published, by where they were found."""
    found = {}
    for package in sorted(PUBLISHED.glob("*.tar.gz")):
        with tarfile.open(package) as archive:
            for member in archive:
                if re.search(r"(junit-10|/data/schema)\.xsd$", member.name):
                    text = archive.extractfile(member)
                    assert text is not None
                    found[member.name] = text.read().decode()
    return found


def test_junit_is_valid_by_the_schemas_of_those_who_read_it() -> None:
    """Jenkins' own is what build servers go by; Meson's is the older one and stricter."""
    schemas = published()
    if not schemas:
        pytest.skip(f"no published JUnit schema in {PUBLISHED}; .ci/run downloads them")
    for name, schema_text in schemas.items():
        schema = xmlschema.XMLSchema(schema_text)
        errors = [f"{name}: {error.reason}" for error in schema.iter_errors(reports.junit(RESULTS))]
        assert not errors
        assert not schema.is_valid(reports.junit(RESULTS).replace("<testcase", "<test", 1))


@pytest.mark.parametrize("damage", [('tests="2"', ""), ("<testcase", "<test"), ("T22:13:20", "")])
def test_the_schema_can_refuse(damage: tuple[str, str]) -> None:
    bad = reports.junit(RESULTS).replace(*damage, 1)
    assert not xmlschema.XMLSchema(SCHEMA).is_valid(bad)


def test_a_browser_without_a_network_shows_the_numbers_of_the_json(tmp_path: Path) -> None:
    needs.require("chromium")
    page = tmp_path / "report.html"
    page.write_text(reports.page(RESULTS, text.size), encoding="utf-8")
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
            assert text.size(delivery["sent"]) in cells
            assert f"{delivery['seconds']:.1f}" in cells
    assert "<svg" in shown
