"""What is not sure about Windows 98 has a probe that settles it, or a reason why none can."""

from __future__ import annotations

import re
from pathlib import Path

from deployer.core.survey.cases import UNFIT
from deployer.edge import resources
from tests.surveying import PROBES

IDENTITIES = {probe.identity: probe for probe in PROBES.values()}
UNSURE = re.compile(
    r"(?<!\w)\((?:facts [^()]*, )?(?:medium|low|likely)\)|\*\*(?:medium|low|likely)\b"
    r"|\b(?:medium|low) sure\b"
)
ROW = re.compile(r"\| ([A-G][0-9]{1,2}) \| (medium|low) \| (.+?) \| (.+) \|")


def rows(root: Path) -> list[tuple[str, str]]:
    """The facts of the page, and what settles each."""
    page = (root / "docs" / "facts.md").read_text(encoding="utf-8")
    return [(match[1], match[4]) for match in ROW.finditer(page)]


def test_each_has_a_probe_or_a_reason(root: Path) -> None:
    found = rows(root)
    page = (root / "docs" / "facts.md").read_text(encoding="utf-8")
    assert len(found) == len(re.findall(r"\| (?:medium|low|likely) \|", page)) > 40
    assert len({fact for fact, _ in found}) == len(found)
    for fact, settled in found:
        if settled.startswith("none: "):
            assert len(settled) > len("none: ") + 8, fact
            continue
        for identity in settled.split(", "):
            assert identity in IDENTITIES, f"{fact}: there is no probe {identity}"


def test_a_probe_names_the_fact_that_it_settles(root: Path) -> None:
    for fact, settled in rows(root):
        if not settled.startswith("none: "):
            facts = {one for name in settled.split(", ") for one in IDENTITIES[name].facts}
            assert fact in facts, f"{settled} does not say that it settles {fact}"


def test_nothing_unsure_stands_elsewhere_without_its_number(root: Path) -> None:
    known = {fact for fact, _ in rows(root)}
    places = [*root.glob("docs/*.md"), root / "README.md", *root.glob("payloads/*.md"),
              *root.glob("deployer/**/*.py")]  # fmt: skip
    for path in places:
        for paragraph in path.read_text(encoding="utf-8").split("\n\n"):
            if path.name != "facts.md" and UNSURE.search(paragraph):
                named = set(re.findall(r"\b[A-G][0-9]{1,2}\b", paragraph))
                assert named & known, f"{path}: {paragraph[:200]}"


def test_what_is_likely_the_same_on_98_is_asked() -> None:
    likely = {
        case.name for case in resources.batch_cases() if case.told["applies_to_98"] == "likely"
    }
    assert {name for name in likely if f"command.{name}" not in IDENTITIES} == UNFIT.keys() & likely
