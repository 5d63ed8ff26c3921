"""What Windows 98 cannot have in a tree is said before anything is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.target import places
from deployer.core.target.manifest import encode_place
from deployer.errors import NameRefused, NamesClash
from deployer.model import FileStamp, Part, Payload, StagedFile


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("a:b", "contains ':'"),
        ("what?.txt", "contains '?'"),
        ("back\\slash", "contains '\\\\'"),
        ("tab\there", "contains '\\t'"),
        ("del\x7f", "contains '\\x7f'"),
        ("日本.txt", "code page, 1252, lacks '日'"),
        ("bad\udcff", "code page, 1252, lacks"),
        ("dot.", "no relative path"),
        ("dir /x", "no relative path"),
        ("aux.h", "stands for a device"),
        ("sub/NUL", "stands for a device"),
        ("x" * 241, "longer than 240"),
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
        ("A long name.txt", "ALONGN~9.TXT"),
        ("Straße.txt", "STRASSE.TXT"),
    ],
)
def test_two_names_that_mean_two_files(one: str, two: str) -> None:
    places.refuse_clashes([(one, one), (two, two)])


def test_windows_takes_the_first_free_number() -> None:
    named = [f"A long name {n}.txt" for n in range(6)]
    with pytest.raises(NamesClash, match="short one"):
        places.refuse_clashes([(name, name) for name in [*named, "ALONGN~9.TXT"]])


def test_two_trees_with_the_same_file_clash() -> None:
    with pytest.raises(NamesClash, match="goes straight"):
        places.refuse_clashes([("one/x", "x"), ("two/x", "x")])


def placed(*names: str) -> Payload:
    """Files with these places, in parts of the base BIG, and packs."""
    parts = (Part("BIG.001", 0, 1, 0),)
    stamp = FileStamp(0, 0, 1, 0, 0)
    files = tuple(StagedFile("/x", "BIG.BIN", n, 1, "", parts, stamp, n) for n in names)
    return Payload(files, packs=(Part("PACK0.001", 0, 9, 0),))


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("go.bat", "the deployment itself"),
        ("Result.txt", "the deployment itself"),
        ("D0123456.old", "the deployment itself"),
        ("big.001", "part of another file"),
        ("BIG.B07", "part of another file"),
        ("big.wrk", "part of another file"),
    ],
)
def test_what_meets_our_own_files_has_to_go_elsewhere(place: str, why: str) -> None:
    with pytest.raises(NameRefused, match=why):
        places.refuse_ours(placed(place), r"c:\deploy")
    places.refuse_ours(placed(place), r"C:\Program Files\Game")
    places.refuse_ours(placed(f"sub/{place}"), r"C:\DEPLOY")


def test_names_that_only_look_like_ours_stay() -> None:
    places.refuse_ours(placed("big.txt", "bigger.001", "go.bat.txt"), r"C:\DEPLOY")


def test_letters_are_composed() -> None:
    assert places.normal("e\u0301.txt") == "é.txt"


_NAMES = st.text(st.characters(codec="cp1252", exclude_characters='\\:*?"<>|/%'), min_size=1)


@given(st.lists(_NAMES, min_size=1, max_size=3).map("/".join))
def test_no_refusal_means_that_the_manifest_takes_it(place: str) -> None:
    if not places.refusal(place):
        assert encode_place(place)
