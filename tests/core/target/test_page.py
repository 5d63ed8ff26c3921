"""The first-contact page: who gets what for which path, and HTML that the old browsers know."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.core.target import page
from deployer.core.target.page import Waiting

FIRST = Waiting(
    deployment="D0000001",
    host="192.168.1.1",
    directory=r"C:\DEPLOY",
    files=(("old.txt", 5),),
    go_bat=b"@ECHO first\r\n",
)
NEWEST = Waiting(
    deployment="D0000002",
    host="192.168.1.1",
    directory=r"C:\GAMES",
    files=(("stories260K.bin", 1_056_540), ("tok512.bin", 6_227)),
    go_bat=b"@ECHO newest\r\n",
    typed=(("C:\\>", "FTP 192.168.1.1"), ("Password:", "")),
    run='LLAMA98.EXE STORI260.BIN -i "Once"',
)
BOTH = (FIRST, NEWEST)
PEER = "192.168.1.2"


def text(waiting: Waiting) -> str:
    return page.render((waiting,)).decode("ascii")


@pytest.mark.parametrize(
    ("path", "status", "deployment"),
    [
        ("/", 200, ""),
        ("", 200, ""),
        ("/index.htm", 200, ""),
        ("/INDEX.HTML", 200, ""),
        ("/?x=1", 200, ""),
        ("/#top", 200, ""),
        ("/GO.BAT", 200, "D0000002"),
        ("/go.bat", 200, "D0000002"),
        ("//GO.BAT/", 200, "D0000002"),
        ("/D0000001/GO.BAT", 200, "D0000001"),
        ("/d0000002/go.bat?again", 200, "D0000002"),
        ("http://192.168.1.1/D0000001/GO.BAT", 200, "D0000001"),
        ("http://192.168.1.1", 200, ""),
        ("/D0000003/GO.BAT", 404, ""),
        ("/D0000001", 404, ""),
        ("/D0000001/DEPLOY98.EXE", 404, ""),
        ("/../GO.BAT", 404, ""),
        ("/../../etc/passwd", 404, ""),
    ],
)
def test_what_a_path_leads_to(path: str, status: int, deployment: str) -> None:
    answer = page.answer(path, PEER, BOTH)
    assert (answer.status, answer.deployment) == (status, deployment)


@pytest.mark.parametrize("each", BOTH, ids=lambda each: each.deployment)
def test_a_deployments_link_brings_its_own_batch_file(each: Waiting) -> None:
    link = re.search(rf'HREF="(/{each.deployment}/[^"]*)"', page.render(BOTH).decode("ascii"))
    assert link is not None
    assert page.answer(link[1], PEER, BOTH).body == each.go_bat


def test_a_wrong_path_leads_back_to_the_newest() -> None:
    body = page.answer("/nope", PEER, BOTH).body
    assert b'<A HREF="/">' in body
    assert b"D0000002" in body


@pytest.mark.parametrize("path", ["/", "/GO.BAT", "/D0000002/GO.BAT", "/nope"])
def test_who_is_not_waited_for_learns_his_own_address_only(path: str) -> None:
    answer = page.answer(path, "10.0.0.9", ())
    assert (answer.status, answer.deployment) == (404, "")
    assert b"10.0.0.9" in answer.body
    assert b"D000" not in answer.body


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("A.HTM", "text/html"),
        ("a.html", "text/html"),
        ("READ.TXT", "text/plain"),
        ("GO.BAT", "application/octet-stream"),
        ("DEPLOY98.EXE", "application/octet-stream"),
        ("A.PNG", "application/octet-stream"),
        ("TXT.", "application/octet-stream"),
    ],
)
def test_types_are_those_that_internet_explorer_4_knows(name: str, kind: str) -> None:
    """Facts D8, D9."""
    assert page.content_type(name) == kind


def test_the_newest_stands_above_the_older() -> None:
    body = page.render(BOTH).decode("ascii")
    assert body.index("D0000002") < body.index("<HR>") < body.index("D0000001")


@pytest.mark.parametrize(
    ("each", "said"),
    [
        (FIRST, "1 file, 5 bytes"),
        (NEWEST, "2 files, 1,062,767 bytes"),
        (NEWEST, r"<TT>C:\GAMES</TT>"),
        (NEWEST, "<TD>tok512.bin</TD><TD ALIGN=RIGHT>6,227</TD>"),
        (NEWEST, "<TT>LLAMA98.EXE STORI260.BIN -i &#34;Once&#34;</TT>"),
        (NEWEST, "C:\\&gt;      <B>FTP 192.168.1.1</B>"),
        (NEWEST, "Password: <B>(Enter)</B>"),
    ],
)
def test_what_is_waiting_is_said(each: Waiting, said: str) -> None:
    assert said in text(each)


@pytest.mark.parametrize("absent", ["Then this is run", "Or type it"])
def test_what_there_is_not_is_not_spoken_of(absent: str) -> None:
    assert absent in text(NEWEST)
    assert absent not in text(FIRST)


@pytest.mark.parametrize(("count", "shown", "more"), [(20, 20, ""), (21, 20, "and 1 more")])
def test_a_long_list_is_cut(count: int, shown: int, more: str) -> None:
    files = tuple((f"file{n}.bin", n) for n in range(count))
    body = text(replace(FIRST, files=files))
    assert body.count("<TD>file") == shown
    assert ("more" in body.partition("<TABLE")[2]) == bool(more)
    assert more in body


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a&b", "a&amp;b"),
        ("<b>", "&lt;b&gt;"),
        ('say "x"', "say &#34;x&#34;"),
        ("M\u00fcller", "M&#252;ller"),
        ("\u65e5\u672c", "??"),
        ("tab\there", "tab?here"),
        ("\u0092", "?"),
    ],
)
def test_names_are_written_in_what_html_3_2_has(name: str, written: str) -> None:
    assert f"<TD>{written}</TD>" in text(replace(FIRST, files=((name, 1),)))


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


LATIN = st.text(st.characters(min_codepoint=32, max_codepoint=255, blacklist_categories=["Cc"]))


@settings(max_examples=60, deadline=None)
@given(name=LATIN, run=LATIN, line=LATIN)
def test_no_name_can_become_a_tag(name: str, run: str, line: str) -> None:
    plain = replace(FIRST, files=(("x", 1),), run="x", typed=(("x", "x"),))
    named = replace(plain, files=((name, 1),), run=f"x{run}", typed=(("x", f"x{line}"),))
    found = Tags(text(named))
    assert found.tags == Tags(text(plain)).tags
    assert name in found.text


def test_every_line_ends_as_the_old_machine_ends_it() -> None:
    body = page.render(BOTH)
    assert body.count(b"\n") == body.count(b"\r\n")
    assert body.startswith(b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\r\n')
