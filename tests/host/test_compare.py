"""What pulled files are compared with, and what is said of a difference."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from deployer.host.pull.compare import Comparison, differences


def write(folder: Path, **files: bytes) -> Path:
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture
def came(tmp_path: Path) -> Path:
    return write(tmp_path / "came", Log_TXT=b"one\r\ntwo\r\n", SUB__DATA_BIN=bytes(9))


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    return write(tmp_path / "golden", log_txt=b"one\r\ntwo\r\n", Sub__data_bin=bytes(9))


def test_a_folder_is_the_same_whatever_the_case_of_its_names(came: Path, golden: Path) -> None:
    assert differences(came, Comparison(golden)) == ""


def test_each_difference_is_named_with_its_place(came: Path, golden: Path) -> None:
    write(golden, log_txt=b"one\r\ntwO\r\n", Sub__data_bin=bytes(8), gone_txt=b"")
    write(came, NEW_TXT=b"")
    log, data = golden / "log.txt", golden / "Sub/data.bin"
    assert differences(came, Comparison(golden)) == (
        f"SUB/DATA.BIN is not {data}: it goes on after byte 8, line 1; "
        "gone.txt did not come; "
        f"Log.TXT is not {log}: the first difference is byte 8, in line 2; "
        f"NEW.TXT came, and {golden} has no such file"
    )


def test_beyond_the_first_block_the_place_is_still_right(tmp_path: Path) -> None:
    lines = b"x" * 99 + b"\n"
    one = write(tmp_path / "a", A_LOG=lines * 30_000 + b"end\n")
    other = write(tmp_path / "b", A_LOG=lines * 30_000 + b"END\n")
    told = differences(one, Comparison(other))
    assert "the first difference is byte 3,000,001, in line 30,001" in told
    assert "ends before byte 3,000,000" in differences(
        write(tmp_path / "c", A_LOG=lines * 30_000), Comparison(other)
    )


def test_one_file_is_compared_with_that_of_its_name_or_with_the_only_one(
    tmp_path: Path, came: Path, golden: Path
) -> None:
    assert differences(came, Comparison(golden / "log.txt")) == ""
    other = write(tmp_path / "x", other_txt=b"one\r\ntwo\r\n") / "other.txt"
    assert differences(came, Comparison(other)) == "other.txt did not come"
    (came / "SUB/DATA.BIN").unlink()
    assert differences(came, Comparison(other)) == ""


def test_sums_are_those_of_names_in_either_spelling(came: Path) -> None:
    right = hashlib.sha256(bytes(9)).hexdigest()
    assert differences(came, Comparison(sha256=(("sub\\data.bin", right.upper()),))) == ""
    told = differences(came, Comparison(sha256=(("SUB/DATA.BIN", "0" * 64), ("A.TXT", right))))
    assert told == f"SUB/DATA.BIN has the SHA-256 {right}, not {'0' * 64}; A.TXT did not come"


def test_a_text_has_to_stand_in_a_file_in_the_letters_of_any_system(came: Path) -> None:
    write(came, A_TXT=b"x" * (1 << 20) + "Pr\u00fcfung gut".encode("cp437"))
    assert differences(came, Comparison(expect="Pr\u00fcfung gut")) == ""
    assert differences(came, Comparison(expect="bad")) == "'bad' stands in no file that came"


def test_what_is_to_be_compared_with_has_to_be_here(tmp_path: Path) -> None:
    assert Comparison(tmp_path).missing == Comparison().missing == ""
    assert "no.txt is missing" in Comparison(tmp_path / "no.txt").missing
