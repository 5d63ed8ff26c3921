"""What Windows 98 cannot have in a tree is said before anything is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.target import places
from deployer.core.target.manifest import encode_place
from deployer.core.target.names import ShortName, assign
from deployer.errors import NameRefused, NamesClash


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("a:b", "contains ':'"),
        ("what?.txt", "contains '?'"),
        ("back\\slash", "contains '\\\\'"),
        ("tab\there", "contains '\\t'"),
        ("del\x7f", "contains '\\x7f'"),
        ("日本.txt", "code page lacks '日'"),
        ("bad\udcff", "code page lacks"),
        ("dot.", "no relative path"),
        ("dir /x", "no relative path"),
        ("aux.h", "stands for a device"),
        ("sub/NUL", "stands for a device"),
        ("x" * 241, "longer than 240"),
        ("go.bat", "the deployment itself"),
        ("Result.txt", "the deployment itself"),
        ("D0123456.old", "the deployment itself"),
    ],
)
def test_refused_names_say_why(place: str, why: str) -> None:
    assert why in places.refusal(place)
    with pytest.raises(NameRefused) as caught:
        places.refuse_names([("/home/me/" + place, place)])
    assert caught.value.what.startswith("/home/me/")
    assert why in caught.value.what


@pytest.mark.parametrize(
    "place",
    ["a.txt", "Grüße an alle.txt", " leading", "sub/go.bat", "a+b,c;d=[e]", "€.txt", "x.tar.gz"],
)
def test_what_windows_98_can_have(place: str) -> None:
    assert places.refusal(place) == ""


def test_the_first_of_many_is_named_and_the_others_too() -> None:
    named = [(name, name) for name in ("a?", "fine", "b?", "c?", "d?", "e?", "f?")]
    with pytest.raises(NameRefused) as caught:
        places.refuse_names(named)
    assert caught.value.what.startswith("a?:")
    assert "So are: b?, c?, d? and 2 more." in caught.value.remedy


@pytest.mark.parametrize(
    ("one", "two", "why"),
    [
        ("Readme.txt", "README.TXT", "capital"),
        ("a/É.txt", "a/é.txt", "capital"),
        ("data", "data/x", "a file and a directory"),
        ("DATA", "data/sub/x", "a file and a directory"),
        ("A long name.txt", "ALONGN~1.TXT", "short one"),
        ("My Documents/x.txt", "mydocu~1/x.txt", "short one"),
        ("a/Grüße an alle.html", "a/GRÜßEA~2.HTM", "short one"),
        (".profile", "PROFIL~1", "short one"),
    ],
)
def test_what_would_be_one_there(one: str, two: str, why: str) -> None:
    with pytest.raises(NamesClash, match=why):
        places.refuse_clashes([(one, one), (two, two)])


def test_two_directories_with_one_name_become_one() -> None:
    places.refuse_clashes([("Data/a", "Data/a"), ("data/b", "data/b")])


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("A long name.txt", "ALONGN~1.DOC"),
        ("a/A long name.txt", "b/ALONGN~1.TXT"),
        ("ALONGN.TXT", "ALONGN~1.TXT"),
        ("Another long name.txt", "ALONGN~1.TXT"),
        ("ALONGN~1.TXT", "ALONGN~2.TXT"),
        ("Straße.txt", "STRASSE.TXT"),
    ],
)
def test_two_names_that_mean_two_files(one: str, two: str) -> None:
    places.refuse_clashes([(one, one), (two, two)])


def test_two_trees_with_the_same_file_clash() -> None:
    with pytest.raises(NamesClash, match="goes straight"):
        places.refuse_clashes([("one/x", "x"), ("two/x", "x")])


def test_a_place_that_a_part_needs_is_refused() -> None:
    short = [ShortName("BIG.BIN", "BIG")]
    places.refuse_working_names([("x", "sub/big.001"), ("x", "big.txt")], short)
    with pytest.raises(NameRefused, match="part of another file"):
        places.refuse_working_names([("x", "big.001")], short)


def test_letters_are_composed() -> None:
    assert places.normal("e\u0301.txt") == "é.txt"


_NAMES = st.text(st.characters(codec="cp1252", exclude_characters='\\:*?"<>|/%'), min_size=1)


@given(st.lists(_NAMES, min_size=1, max_size=3).map("/".join))
def test_no_refusal_means_that_the_manifest_takes_it(place: str) -> None:
    if not places.refusal(place):
        assert encode_place(place)


@given(st.lists(_NAMES, min_size=1, max_size=8, unique_by=str.upper))
def test_places_never_meet_parts(names: list[str]) -> None:
    kept = [name for name in names if not places.refusal(name)]
    places.refuse_working_names([(n, n) for n in kept], assign(kept))
