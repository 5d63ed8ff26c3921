"""Names in the letters that the old PC has: what is lacking is transliterated, the rest is kept."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deployer.core.target import codepages, manifest, names, proof
from deployer.model import (
    FileProof,
    FileStamp,
    Manifest,
    Payload,
    Report,
    StagedFile,
)

PAGES = st.sampled_from(sorted(codepages.KNOWN))
NAMES = st.text(min_size=1, max_size=12)


def staged(place: str, name: str = "A.TXT") -> StagedFile:
    return StagedFile("", name, place, 0, "0" * 64, (), FileStamp(0, 0, 0, 0, 0), place)


@given(NAMES, PAGES)
def test_what_is_spelt_has_no_letter_that_the_pc_lacks(name: str, page: int) -> None:
    spelt = codepages.spell(name, page)
    try:
        name.encode()
    except UnicodeEncodeError:  # no name of a file that people wrote
        return
    assert not codepages.lacking(spelt, page)
    assert codepages.spell(spelt, page) == spelt


def as_bytes(name: str, page: int) -> list[bytes | None]:
    return [codepages.encode(char, codepages.ansi(page)) for char in name]


@given(NAMES, PAGES)
def test_letters_that_the_pc_has_are_kept(name: str, page: int) -> None:
    if not codepages.lacking(name, page):
        spelt, composed = codepages.spell(name, page), unicodedata.normalize("NFC", name)
        assert as_bytes(spelt, page) == as_bytes(composed, page)
    assert codepages.spell("1\u301c2 \xa2", 932) == "1\uff5e2 \uffe0", "as Windows reads its bytes"
    assert codepages.spell("Größe", 1252) == "Größe"
    assert codepages.spell("Привет", 866) == codepages.spell("Привет", 1251) == "Привет"


@given(st.lists(NAMES, min_size=1, max_size=3), PAGES)
@example(["\xa2"], 950)
def test_a_place_comes_back_from_the_manifest_as_it_was(parts: list[str], page: int) -> None:
    place = codepages.spell("/".join(parts), page)
    if manifest.unfit(place, page):
        return
    payload = Payload((staged(place),), codepage=page)
    data = manifest.render(Manifest("D7F3A21C", "192.168.1.1", "D7F3A21C", "k3v8mq2xwp", payload))
    found = manifest.parse(data, page).payload.files[0]
    assert (found.place or found.name) == place
    assert data.isascii()


@given(NAMES, PAGES)
def test_a_dos_name_has_8_and_3_bytes_of_both_pages(name: str, page: int) -> None:
    short = codepages.short_name(name, page)
    if not short:
        return
    base, _, extension = short.partition(".")
    data = short.encode(f"cp{codepages.oem(page)}")
    assert len(base.encode(f"cp{codepages.oem(page)}")) <= 8
    assert len(extension.encode(f"cp{codepages.oem(page)}")) <= 3
    assert data.decode(f"cp{codepages.oem(page)}") == short
    assert not codepages.lacking(short, page)
    assert not set(short) & codepages.FORBIDDEN


@pytest.mark.parametrize(
    ("name", "page", "short"),
    [
        ("Привет мир.txt", 866, "ПРИВЕТМИ.TXT"),
        ("Größe.txt", 850, "GRÖßE.TXT"),
        ("ação.txt", 850, "AÇÃO.TXT"),
        ("ação.txt", 437, ""),
        ("ゲームデータ.txt", 932, "ゲームデ.TXT"),
        ("plain.txt", 866, ""),
        ("Привет.txt", 850, ""),
    ],
)
def test_an_8_3_name_is_of_the_oem_page(name: str, page: int, short: str) -> None:
    """`ã` has no capital in page 437, and not even itself; `ß` is its own capital in DOS."""
    assert codepages.short_name(name, page) == short


@given(NAMES)
def test_an_8_3_name_of_our_own_is_made_of_any_text(name: str) -> None:
    assert names.is_short(names.assign([name])[0].name)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Привет.txt", "PRIVET.TXT"),
        ("Øresund.txt", "ORESUND.TXT"),
        ("ガム.txt", "GAMU.TXT"),
        ("Ångström.txt", "ANGSTROM.TXT"),
    ],
)
def test_an_8_3_name_is_a_transliteration(name: str, short: str) -> None:
    assert names.assign([name])[0].name == short


def test_two_names_that_become_one_get_numbers() -> None:
    taken: set[str] = set()
    for expected in ("E.txt", "E-2.txt", "E-3.txt"):
        place = codepages.unlike(codepages.spell("Э.txt", 1252), taken)
        assert place == expected
        taken.add(codepages.fold(place))


def report(*, codepage: int) -> Report:
    return Report(
        "D7F3A21C", sealed=True, command="JOIN", exit_code=0, codepage=codepage,
        files=(FileProof("A.TXT", 0, "0" * 64, "good"),),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("place", "sent", "there", "proved"),
    [
        ("Größe.txt", 1252, 1252, True),
        ("Größe.txt", 1252, 1250, True),
        ("plain.txt", 1252, 1251, True),
        ("Größe.txt", 1252, 1251, False),
        ("Привет.txt", 866, 1251, True),
        ("Привет.txt", 866, 1252, False),
    ],
)
def test_a_name_in_other_letters_is_not_proved(
    place: str, sent: int, there: int, proved: bool
) -> None:
    """`ö` is the same byte in 1250; in 1251 the file lies there under a name that nobody meant."""
    payload = Payload((staged(place),), codepage=sent)
    assert proof.judge(report(codepage=there), payload, "D7F3A21C")[0] is proved


def test_a_report_tells_both_pages_and_places_in_their_letters() -> None:
    found = proof.parse_report(b"codepage=932 932\r\nbak=%83%5C.BAK\r\n")
    assert (found.codepage, found.oem_codepage, found.saved) == (932, 932, ("ソ.BAK",))
