"""The list that an old PC sends: what is taken, and that no list leads out of the pull's folder."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.pull.listing import Listing, ListRefusedError, parse, sealed

SUM = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
HEAD = b"deployment=D7F3A21C\r\nfrom=C:\\LOGS\\*.*\r\n"


def listed(*lines: str) -> bytes:
    return sealed(HEAD + "".join(f"{line}\r\n" for line in lines).encode("ascii"))


def of(name: str, sums: str = SUM) -> str:
    return f"file=6 {sums} 21 5D7E6314 1 A.TXT {name}"


def read(*lines: str):
    return parse(listed(*lines), "D7F3A21C", "C:\\LOGS\\*.*")


def test_a_list_has_names_dates_attributes_and_sums() -> None:
    found = read(of("Caf%E9%20au%20lait.txt"), "folder=10 5D7E6314 SUB Sub%20folder")
    (file,), (folder,) = found.files, found.folders
    assert (file.path, file.length, file.sha256, file.attributes) == (
        "Caf\u00e9 au lait.txt", 6, SUM, 0x21,
    )  # fmt: skip
    assert folder.path == "Sub folder"
    assert file.modified is not None
    assert found.total == 6


def named(page: int, *names: str, source: str = "C:\\LOGS\\*.*") -> Listing:
    """A list of a PC of that ANSI page, as GATHER98 writes it."""
    data = f"deployment=D7F3A21C\r\nfrom={source}\r\n".encode(f"cp{page}")
    data += b"codepage=%d 437\r\n" % page
    for name in names:
        spelt = "".join(
            chr(b) if len(c) == 1 and c.isascii() else f"%{b:02X}"
            for c in name
            for b in c.encode(f"cp{page}")
        )
        data += f"{of(spelt)}\r\n".encode("ascii")
    return parse(sealed(data), "D7F3A21C", source)


@pytest.mark.parametrize(
    ("page", "names"),
    [
        (1251, ["\u041f\u0440\u0438\u0432\u0435\u0442.txt", "\u042f/\u044b.dat"]),
        (932, ["\u30bd.txt", "\u8868/\u80fd\u529b.txt", "\uff71\uff72.dat"]),
        (1250, ["\u017elu\u0165ou\u010dk\u00fd.txt"]),
    ],
)
def test_names_are_read_in_the_code_page_that_the_list_names(page: int, names: list[str]) -> None:
    found = named(page, *names, source=f"C:\\{names[0][:1]}\\*.*")
    assert [file.path for file in found.files] == names
    assert found.codepage == page


def test_a_byte_that_the_page_lacks_stays_as_it_is_written() -> None:
    assert read(of("A%81B.TXT")).files[0].path == "A%81B.TXT"


def test_a_file_that_the_pc_could_not_sum_says_why() -> None:
    (file,) = read(of("A.LOG", "changing")).files
    assert (file.sha256, file.why) == ("", "it keeps changing")


@pytest.mark.parametrize(
    "name",
    [
        "..", ".", "../A", "A/../../B", "/etc/passwd", "A//B", "C:/A", "A%5CB", "%2E%2E", "A%00B",
        "A%0AB", "%1B[2J", "CON", "con.txt", "LPT1", "aux%20.txt", "A.", "A%20", "%2F", "A%2FB",
        "A:B", "A%3F", "A*", "A|B", "A%7F",
    ],
)  # fmt: skip
def test_a_hostile_name_is_refused(name: str) -> None:
    with pytest.raises(ListRefusedError):
        read(of(name))


@pytest.mark.parametrize(
    "lines",
    [
        [of("A.TXT"), of("a.txt")],
        [of("A"), of("a/B")],
        [of("A"), "folder=10 5D7E6314 A A"],
        [of("\u00c9".encode("cp1252").hex().upper().join(["%", ""])), of("%E9")],
    ],
)
def test_names_that_would_meet_on_some_system_are_refused(lines: list[str]) -> None:
    with pytest.raises(ListRefusedError):
        read(*lines)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40))
def test_whatever_the_name_is_it_stays_inside(name: str) -> None:
    try:
        (file,) = read(of(name)).files
    except ListRefusedError:
        return
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind("root") / file.path
        assert path.is_relative_to("root")
        assert ".." not in path.parts
        assert not kind(file.path).is_absolute()
        assert not PureWindowsPath(file.path).drive
    assert file.path.isprintable() or "\u00a0" in file.path or "\u00ad" in file.path


@given(st.data())
def test_a_list_with_any_byte_changed_or_cut_is_refused(data: st.DataObject) -> None:
    whole = bytearray(listed(of("A.TXT"), of("B.TXT")))
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole = whole[:at]
    else:
        whole[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ListRefusedError):
        parse(bytes(whole), "D7F3A21C", "C:\\LOGS\\*.*")


@given(st.binary(max_size=300))
def test_rubbish_with_a_right_seal_is_refused_or_harmless(rubbish: bytes) -> None:
    body = HEAD + rubbish.replace(b"\n", b"") + b"\r\n"
    with pytest.raises(ListRefusedError):
        parse(sealed(body), "D7F3A21C", "C:\\LOGS\\*.*")


def test_the_list_of_another_pull_is_refused() -> None:
    with pytest.raises(ListRefusedError):
        parse(listed(of("A.TXT")), "D0000000", "C:\\LOGS\\*.*")
    with pytest.raises(ListRefusedError):
        parse(listed(of("A.TXT")), "D7F3A21C", "C:\\OTHER\\*.*")
