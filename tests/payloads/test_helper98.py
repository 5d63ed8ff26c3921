"""DEPLOY98 in a directory: what is fetched, what is joined, what is run, and what is reported."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.payloads.targetdir import (
    ID,
    MANIFEST,
    Pack,
    Runner,
    StagedFile,
    Target,
    manifest,
    native,
    seal,
    sealed_lines,
)

RANDOM = random.Random(98)
MODEL = StagedFile("STORI260.BIN", RANDOM.randbytes(20_500))
SMALL = StagedFile("TOK512.BIN", RANDOM.randbytes(900))
EMPTY = StagedFile("EMPTY.TXT", b"")
PLACED = StagedFile("DEEP.DAT", RANDOM.randbytes(2_500), place="sub/dir/long n%E9me.txt")
ALL = [MODEL, SMALL, EMPTY, PLACED]

SLACK = 65_536
Make = Callable[..., Target]


@pytest.fixture
def target(tmp_path: Path, either: Runner) -> Make:
    """Makes a directory with a manifest of the given files."""
    return lambda *files, run="": Target(tmp_path / "DEPLOY", either, list(files or ALL), run)


@pytest.fixture
def hosted_target(tmp_path: Path, hosted: Runner) -> Make:
    """The same for tests that need faults."""
    return lambda *files, run="": Target(tmp_path / "DEPLOY", hosted, list(files or ALL), run)


def test_a_file_whose_place_another_one_took_is_not_proved(target: Make) -> None:
    """Two names that mean one place, as LONGNA~1.TXT and a long name do on FAT."""
    one = StagedFile("ONE.TXT", b"the first", place="one/x.txt")
    two = StagedFile("TWO.TXT", b"the second of another length", place="two/x.txt")
    t = target(one, two)
    (t.directory / "one").mkdir()
    (t.directory / "two").symlink_to("one")
    t.check()
    t.fetch()
    assert t.check() == 0
    assert t.join() == 9
    told = t.read("RESULT.TXT").decode()
    assert "reason=disk error (two/x.txt)" in told
    assert "good" not in next(line for line in told.splitlines() if line.startswith("file=TWO"))
    assert (t.directory / "one" / "x.txt").read_bytes() == b"the first"


# ---- CHECK -------------------------------------------------------------------------------------


def test_first_check_asks_for_everything(target: Make) -> None:
    t = target(SMALL)
    assert t.check() == 1
    assert t.read("NEXT.FTP") == (
        b"open 192.168.1.1\r\nuser D7F3A21C Token123\r\nbinary\r\nput RESULT.TXT\r\n"
        b"get TOK512.001 TOK512.A01\r\nbye\r\n"
    )


def test_without_a_host_an_empty_file_stands_for_each_part_that_is_to_come(target: Make) -> None:
    """The batch file of a disk copies what has one; the helper does not take it for a part."""
    t = target(MODEL, SMALL)
    lines = t.read(MANIFEST).decode("ascii").replace("192.168.1.1", "0.0.0.0").splitlines()[:-1]
    t.write(MANIFEST, seal(lines))
    t.write(SMALL.part(1), SMALL.data)
    for _turn in range(2):
        assert t.check() == 1
        assert not t.exists("NEXT.FTP")
        wanted = {MODEL.temp(n) for n in range(1, len(MODEL.pieces) + 1)}
        assert {name for name in t.names() if re.search(r"\.[A-J]\d\d$", name)} == wanted
        assert all(t.read(name) == b"" for name in wanted)
    for number, piece in enumerate(MODEL.pieces, 1):
        t.write(MODEL.temp(number), piece if number > 1 else piece[:-1])
    assert t.check() == 1
    assert b"bad=STORI260.001 1" in t.read("RESULT.TXT")
    t.write(MODEL.temp(1), MODEL.pieces[0])
    assert t.check() == 0
    assert t.join() == 0


def test_sixteen_gets_a_session(target: Make) -> None:
    t = target()
    assert t.check() == 1
    assert t.gets() == [(MODEL.part(n), MODEL.temp(n)) for n in range(1, 17)]
    t.fetch()
    assert t.check() == 1
    assert t.gets() == [
        *((MODEL.part(n), MODEL.temp(n)) for n in range(17, 22)),
        ("TOK512.001", "TOK512.A01"),
        *((PLACED.part(n), PLACED.temp(n)) for n in range(1, 4)),
    ]


def test_part_numbers_above_99_have_letters(target: Make) -> None:
    big = StagedFile("BIG.BIN", RANDOM.randbytes(999), step=1)
    t = target(big)
    for number in range(1, 990):
        t.write(big.part(number), big.pieces[number - 1])
    assert t.check() == 1
    assert t.gets()[-1] == ("BIG.999", "BIG.J99")
    assert t.deliver() == 10


def test_info_is_put_in_the_first_round_only(target: Make) -> None:
    t = target()
    assert t.helper("INFO") == 0
    assert t.check() == 1
    assert b"binary\r\nput INFO.TXT\r\nput RESULT.TXT\r\n" in t.read("NEXT.FTP")
    t.fetch()
    assert t.check() == 1
    assert b"INFO" not in t.read("NEXT.FTP")


def test_nothing_to_fetch_leaves_no_script(target: Make) -> None:
    t = target()
    assert t.check() == 1
    t.put_parts()
    assert t.check() == 0
    assert not t.exists("NEXT.FTP")


def damaged(data: bytes) -> Mapping[str, bytes | None]:
    """How a download can go wrong."""
    swapped = data[500:] + data[:500]
    return {
        "missing": None,
        "empty": b"",
        "cut": data[:-1],
        "one bit wrong": bytes([data[0] ^ 1]) + data[1:],
        "last bit wrong": data[:-1] + bytes([data[-1] ^ 128]),
        "swapped halves": swapped,
        "CR LF mangled": data.replace(b"\n", b"\r\n"),
        "LF for CR LF": data.replace(b"\r\n", b"\n"),
        "extra byte": data + b"\0",
        "twice": data + data,
        "zeros": bytes(len(data)),
    }


TEXT = (b"line of text\r\n\n" * 70)[:1000]


@pytest.mark.parametrize("how", [*damaged(TEXT)])
def test_a_damaged_download_costs_exactly_its_own_get(target: Make, how: str) -> None:
    file = StagedFile("PAGES.TXT", RANDOM.randbytes(1000) + TEXT + RANDOM.randbytes(700))
    t = target(file)
    assert t.check() == 1
    t.fetch(lambda name, data: damaged(data)[how] if name == "PAGES.002" else data)
    assert t.check() == 1
    assert t.gets() == [("PAGES.002", "PAGES.A02")]
    assert not t.exists("PAGES.A02")
    assert t.result()["have"] == ["PAGES.TXT 1,3"]
    assert t.result().get("bad") == (None if how == "missing" else ["PAGES.002 1"])
    assert t.result()["round"] == ["1 2 0" if how == "missing" else "1 2 1"]
    t.fetch()
    assert t.check() == 0
    assert t.join() == 0
    assert t.is_delivered()


def test_two_parts_swapped_are_both_fetched_again(target: Make) -> None:
    t = target(MODEL)
    assert t.check() == 1
    pieces = dict(zip((MODEL.part(n) for n in range(1, 22)), MODEL.pieces, strict=True))
    swap = {"STORI260.003": "STORI260.007", "STORI260.007": "STORI260.003"}
    t.fetch(lambda name, data: pieces[swap.get(name, name)])
    assert t.check() == 1
    assert [part for part, _ in t.gets()[:2]] == ["STORI260.003", "STORI260.007"]
    assert len(t.gets()) == 7


def test_a_part_damaged_under_its_real_name_is_fetched_again(target: Make) -> None:
    t = target(MODEL)
    t.put_parts()
    t.write("STORI260.005", b"x" * 1000)
    assert t.check() == 1
    assert t.gets() == [("STORI260.005", "STORI260.A05")]
    assert not t.exists("STORI260.005")


def test_other_files_in_the_directory_are_left_alone(target: Make) -> None:
    t = target(SMALL)
    strangers = {"NOTES.DOC", "TOK512.DAT", "TOK512.002", "STORI260.001", "TOK512.A02", "TOK51.001"}
    for name in strangers:
        t.write(name, b"mine")
    t.deliver()
    assert t.names() >= strangers
    assert all(t.read(name) == b"mine" for name in strangers)


def test_gives_up_on_a_part_that_is_bad_three_times(target: Make) -> None:
    t = target(MODEL)
    for _ in range(3):
        assert t.check() == 1
        t.fetch(lambda name, data: data[1:] if name == "STORI260.002" else data)
    assert t.check() == 2
    assert not t.exists("NEXT.FTP")
    assert t.result()["bad"] == ["STORI260.002 3"]
    assert "STORI260.002" in t.result()["reason"][0]


def test_gives_up_after_three_rounds_that_brought_nothing(target: Make) -> None:
    t = target(MODEL)
    assert [t.check() for _ in range(4)] == [1, 1, 1, 2]
    assert t.result()["round"] == ["1 0 0", "2 0 0", "3 0 0"]
    assert "3 rounds" in t.result()["reason"][0]


def test_progress_starts_the_count_of_idle_rounds_again(target: Make) -> None:
    t = target(MODEL)
    for turn in range(9):
        assert t.check() == 1
        if turn % 3 == 2:
            first = t.gets()[0][0]
            t.fetch(lambda name, data, first=first: data if name == first else None)


def test_a_new_run_of_go_bat_counts_afresh(target: Make) -> None:
    t = target(MODEL)
    assert [t.check() for _ in range(4)] == [1, 1, 1, 2]
    t.power_cut()
    assert t.check() == 1


@pytest.mark.parametrize(("spare", "code"), [(0, 1), (-1, 3)])
def test_low_disk_is_said_before_the_first_get(hosted_target: Make, spare: int, code: int) -> None:
    t = hosted_target(MODEL)
    need = 20_500 + 1_000 + SLACK + 256 + 4  # missing parts, the largest, what is left for reports
    assert t.check(SYS_FREE=str(need + spare)) == code
    assert t.exists("NEXT.FTP") == (code == 1)


def test_what_is_here_needs_no_disk(hosted_target: Make) -> None:
    t = hosted_target(MODEL)
    t.put_parts()
    (t.directory / "STORI260.004").unlink()
    assert t.check(SYS_FREE=str(2 * 1000 + SLACK + 256 + 4)) == 1


@pytest.mark.parametrize("junk", [b"", b"D98S", b"\xff" * 500, None])
def test_a_damaged_state_means_starting_over(target: Make, junk: bytes | None) -> None:
    t = target(MODEL)
    assert t.check() == 1
    t.fetch()
    good = t.read(f"{ID}.STA")
    t.write(f"{ID}.STA", good[:-1] + bytes([good[-1] ^ 1]) if junk is None else junk)
    assert t.check() == 1
    assert t.gets()[0][0] == "STORI260.017"
    assert "round" not in t.result()


def test_the_state_of_another_manifest_is_not_believed(target: Make) -> None:
    t = target(MODEL)
    t.deliver()
    changed = StagedFile(MODEL.name, MODEL.data[:5000] + b"!" + MODEL.data[5001:])
    t.files = [changed]
    t.write(MANIFEST, manifest(t.files))
    assert t.check() == 1
    assert t.gets() == [("STORI260.006", "STORI260.A06")]


# ---- a second push -----------------------------------------------------------------------------


def test_a_second_push_moves_nothing(target: Make) -> None:
    t = target()
    assert t.deliver() == 25
    before = {name: (t.directory / name).stat().st_mtime_ns for name in t.names()}
    t.power_cut()
    assert t.check() == 0
    assert t.join() == 0
    after = {name: (t.directory / name).stat().st_mtime_ns for name in t.names()}
    for file in ALL:
        name = str(t.final(file).relative_to(t.directory))
        assert before[name] == after[name]


def test_a_changed_byte_moves_one_part(target: Make) -> None:
    t = target()
    t.deliver()
    t.power_cut()
    files = t.files
    for index, file in enumerate(files):
        if file.data:
            data = bytearray(file.data)
            data[-1] ^= 1
            files[index] = StagedFile(file.name, bytes(data), place=file.place)
    t.files = files
    t.write(MANIFEST, manifest(t.files))
    assert t.deliver() == 3
    assert not {name for name in t.names() if name.endswith(("WRK", ".001", ".A01"))}


@pytest.mark.parametrize("length", [20_000, 20_499, 20_501, 30_000, 1, 999, 1_000])
def test_another_length_keeps_the_slices_in_common(target: Make, length: int) -> None:
    t = target(MODEL)
    t.deliver()
    t.power_cut()
    data = (MODEL.data + bytes(10_000))[:length]
    t.files = [StagedFile(MODEL.name, data)]
    t.write(MANIFEST, manifest(t.files))
    new = [
        piece
        for at, piece in zip(range(0, length, 1000), t.files[0].pieces, strict=True)
        if MODEL.data[at : at + len(piece)] != piece
    ]
    assert t.deliver() == len(new)
    assert t.read(MODEL.name) == data


def test_both_an_old_file_and_a_work_file_give_slices(target: Make) -> None:
    t = target(MODEL)
    old = bytearray(MODEL.data)
    old[3_000:4_000] = bytes(1_000)
    work = bytearray(20_500)
    work[3_000:4_000] = MODEL.pieces[3]
    t.write(MODEL.name, bytes(old))
    t.write(MODEL.work, bytes(work))
    assert t.check() == 0
    assert t.join() == 0
    assert t.is_delivered()


# ---- JOIN --------------------------------------------------------------------------------------


def test_join_puts_every_file_in_its_place_and_cleans_up(target: Make) -> None:
    t = target()
    t.put_parts()
    assert t.check() == 0
    assert t.join() == 0
    assert t.is_delivered()
    finals = {str(t.final(file).relative_to(t.directory)) for file in ALL}
    assert t.names() == finals | {MANIFEST, f"{ID}.STA", "RESULT.TXT"}
    result = t.result()
    assert result["file"] == [f"{f.name} {len(f.data)} {f.sha256} good" for f in ALL]
    assert result["exit"] == ["0"]
    assert "reason" not in result


def test_join_works_without_check(target: Make) -> None:
    t = target()
    t.put_parts()
    assert t.join() == 0
    assert t.is_delivered()


def test_join_refuses_while_parts_are_missing(target: Make) -> None:
    t = target(MODEL)
    t.put_parts()
    (t.directory / "STORI260.004").unlink()
    assert t.join() == 1
    assert not t.exists(MODEL.name)
    assert not t.exists(MODEL.work)


def test_a_wrong_sha_with_right_parts_is_code_8_and_no_file(target: Make) -> None:
    t = target(MODEL, SMALL)
    lies = manifest(t.files).split(b"\r\nEND")[0].replace(MODEL.sha256.encode(), b"0" * 64)
    t.write(MANIFEST, seal(lies.decode().split("\r\n")))
    t.put_parts()
    assert t.check() == 0
    assert t.join() == 8
    assert not t.exists(MODEL.name)
    assert t.read(SMALL.name) == SMALL.data
    assert "SHA-256" in t.result()["reason"][0]


def test_an_empty_file_with_a_wrong_sha_is_not_made(target: Make) -> None:
    t = target(EMPTY)
    text = manifest(t.files).split(b"\r\nEND")[0].replace(EMPTY.sha256.encode(), b"1" * 64)
    t.write(MANIFEST, seal(text.decode().split("\r\n")))
    assert t.check() == 0
    assert t.join() == 8
    assert not t.exists(EMPTY.name)


def test_a_read_only_old_file_is_replaced(target: Make) -> None:
    t = target(SMALL)
    t.write(SMALL.name, b"old")
    (t.directory / SMALL.name).chmod(0o444)
    t.deliver()


def test_what_a_broken_run_left_of_a_good_file_is_swept(target: Make) -> None:
    t = target(MODEL)
    t.write(MODEL.name, MODEL.data)
    for name in (MODEL.part(3), MODEL.temp(4), MODEL.work):
        t.write(name, b"left over")
    assert t.check() == 0
    assert t.join() == 0
    assert t.names() == {MANIFEST, MODEL.name, f"{ID}.STA", "RESULT.TXT"}


def test_a_directory_in_the_place_of_a_file_is_an_error(target: Make) -> None:
    t = target(SMALL)
    (t.directory / SMALL.name).mkdir()
    t.put_parts()
    assert t.check() == 0
    assert t.join() == 9
    assert t.read(SMALL.work) == SMALL.data


def flip(t: Target, name: str, at: int) -> None:
    """Changes a byte as a failing disk does: length and time stay."""
    path = t.directory / name
    stat = path.stat()
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_part_damaged_after_check_is_found_by_join(target: Make) -> None:
    t = target(MODEL, SMALL)
    t.put_parts()
    assert t.check() == 0
    flip(t, "STORI260.004", 10)
    assert t.join() == 1
    assert t.result()["bad"] == ["STORI260.004 1"]
    assert t.read(SMALL.name) == SMALL.data
    assert t.check() == 1
    assert t.gets() == [("STORI260.004", "STORI260.A04")]
    t.fetch()
    assert t.check() == 0
    assert t.join() == 0


def test_a_work_file_damaged_after_check_is_found_by_join(target: Make) -> None:
    t = target(MODEL)
    t.put_parts()
    t.write(MODEL.work, MODEL.data[:3_500])
    (t.directory / "STORI260.001").unlink()
    assert t.check() == 0
    flip(t, MODEL.work, 10)
    assert t.join() == 1
    assert not t.exists(MODEL.name)
    assert t.check() == 1
    assert t.gets() == [("STORI260.001", "STORI260.A01")]
    t.fetch()
    assert t.check() == 0
    assert t.join() == 0
    assert t.is_delivered()


def test_a_damaged_work_file_beside_an_old_file_is_no_wrong_sha(target: Make) -> None:
    t = target(MODEL)
    old = bytearray(MODEL.data)
    old[3_000:4_000] = bytes(1_000)
    t.write(MODEL.name, bytes(old))
    t.write(MODEL.work, MODEL.data[:4_000])
    assert t.check() == 0
    flip(t, MODEL.work, 10)
    assert t.join() == 1
    assert t.check() == 1
    assert t.gets() == [("STORI260.001", "STORI260.A01")]
    t.fetch()
    assert t.check() == 0
    assert t.join() == 0
    assert t.is_delivered()


def test_what_keeps_being_damaged_on_the_disk_ends_in_giving_up(target: Make) -> None:
    t = target(MODEL)
    t.put_parts()
    for _ in range(2):
        assert t.check() == 0
        flip(t, "STORI260.004", 10)
        assert t.join() == 1
        assert t.check() == 1
        t.fetch()
    assert t.check() == 0
    flip(t, "STORI260.004", 10)
    assert t.join() == 1
    assert t.check() == 2


# ---- RUN ---------------------------------------------------------------------------------------


def script(t: Target, text: str) -> None:
    t.write("CHILD.EXE", text.encode())
    (t.directory / "CHILD.EXE").chmod(0o755)


def test_run_records_output_exit_code_and_seconds(target: Make) -> None:
    t = target(SMALL, run='CHILD.EXE one "two three"')
    script(t, '#!/bin/sh\nprintf "%s|" "$@"; echo wrong >&2; exit 0\n')
    t.deliver()
    assert t.helper("RUN", MANIFEST) == 0
    assert t.read("OUTPUT.TXT") == b"one|two three|wrong\n"
    result = t.result()
    assert result["command"] == ["RUN"]
    assert result["run"] == ['CHILD.EXE one "two three"']
    assert result["run_exit"] == ["0"]
    assert float(result["run_seconds"][0]) < 60
    assert (result["output_bytes"], result["output"]) == (["20"], ["whole"])
    assert result["file"] == [f"TOK512.BIN 900 {SMALL.sha256} good"]


def test_another_exit_code_than_0_is_code_6(target: Make) -> None:
    t = target(SMALL, run="CHILD.EXE")
    script(t, "#!/bin/sh\nexit 77\n")
    t.deliver()
    assert t.helper("RUN", MANIFEST) == 6
    assert t.result()["run_exit"] == ["77"]
    assert "77" in t.result()["reason"][0]


def test_a_program_that_cannot_be_started_is_code_6(target: Make) -> None:
    t = target(SMALL, run="NOTHERE.EXE -x")
    t.deliver()
    assert t.helper("RUN", MANIFEST) == 6
    assert "run_exit" not in t.result()
    assert "NOTHERE.EXE -x" in t.result()["reason"][0]


def test_nothing_to_run_is_well(target: Make) -> None:
    t = target(SMALL)
    t.deliver()
    assert t.helper("RUN", MANIFEST) == 0
    assert "run" not in t.result()
    assert not t.exists("OUTPUT.TXT")


def test_nothing_unverified_is_started(target: Make) -> None:
    t = target(SMALL, run="CHILD.EXE")
    script(t, "#!/bin/sh\necho started > STARTED\n")
    t.put_parts()
    assert t.helper("RUN", MANIFEST) == 8
    t.deliver()
    t.write(SMALL.name, SMALL.data[:-1] + b"?")
    assert t.helper("RUN", MANIFEST) == 8
    assert t.result()["file"][0].endswith("wrong")
    assert not t.exists("STARTED")


def test_output_is_cut_at_one_megabyte(target: Make) -> None:
    t = target(SMALL, run="CHILD.EXE")
    script(t, "#!/bin/sh\nhead -c 1500000 /dev/zero\nexit 5\n")
    t.deliver()
    assert t.helper("RUN", MANIFEST) == 6
    assert len(t.read("OUTPUT.TXT")) == 1_048_576
    assert t.result()["output"] == ["cut"]
    assert t.result()["run_exit"] == ["5"]


def test_a_grandchild_that_keeps_the_pipe_cannot_hold_us(target: Make) -> None:
    t = target(SMALL, run="CHILD.EXE")
    script(t, "#!/bin/sh\nsleep 40 &\necho done\necho $! > GRANDCHILD\n")
    t.deliver()
    assert t.helper("RUN", MANIFEST) == 0
    os.kill(int(t.read("GRANDCHILD")), signal.SIGKILL)  # it is still there
    assert t.read("OUTPUT.TXT") == b"done\n"


def test_a_disk_full_of_output_cuts_it(hosted_target: Make) -> None:
    t = hosted_target(SMALL, run="CHILD.EXE")
    script(t, "#!/bin/sh\nhead -c 300000 /dev/zero\n")
    t.deliver()
    assert t.helper("RUN", MANIFEST, SYS_FREE="100000") in (0, 3)
    assert len(t.read("OUTPUT.TXT")) <= 100_000


def test_a_full_disk_starts_nothing(hosted_target: Make) -> None:
    t = hosted_target(SMALL, run="CHILD.EXE")
    script(t, "#!/bin/sh\necho started > STARTED\n")
    t.deliver()
    assert t.helper("RUN", MANIFEST, SYS_FREE="5000") == 3
    assert not t.exists("STARTED")


@pytest.mark.needs("valgrind")
def test_valgrind_sees_nothing_uninitialised(
    make: Callable[[str, str], Path], tmp_path: Path
) -> None:
    program = make("linux32", "DEPLOY98")
    wrapper = tmp_path / "DEPLOY98"
    wrapper.write_text(f'#!/bin/sh\nexec valgrind -q --error-exitcode=66 {program} "$@"\n')
    wrapper.chmod(0o755)
    t = Target(tmp_path / "DEPLOY", native(wrapper), ALL, "CHILD.EXE x")
    script(t, "#!/bin/sh\nexit 0\n")
    t.helper("INFO", PATH=os.environ["PATH"])
    assert t.check(PATH=os.environ["PATH"]) == 1
    t.fetch(lambda name, data: data[:-1] if name == "STORI260.002" else data)
    assert t.check(PATH=os.environ["PATH"]) == 1
    t.put_parts()
    assert t.join(PATH=os.environ["PATH"]) == 0
    assert t.helper("RUN", MANIFEST, PATH=os.environ["PATH"]) == 0


# ---- SELF, INFO, wrong use ---------------------------------------------------------------------


def test_self_knows_damage_anywhere(make: Callable[[str, str], Path], tmp_path: Path) -> None:
    good = make("linux32", "DEPLOY98").read_bytes()
    program = tmp_path / "DEPLOY98"

    def answer(data: bytes) -> int:
        program.write_bytes(data)
        program.chmod(0o755)
        return native(program)(tmp_path, ("SELF",), {})

    assert answer(good) == 7
    assert answer(good + b"\0") == 8
    assert answer(good[:-1]) == 8
    text = good.index(b"of %u parts here")
    for at in (text, len(good) - 1, len(good) - 4):
        assert answer(good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :]) == 8


def test_info_is_sealed_and_says_what_machine_this_is(target: Make) -> None:
    t = target()
    assert t.helper("INFO") == 0
    values = sealed_lines(t.read("INFO.TXT"))
    assert values["deployer-info"] == ["1"]
    assert {"helper", "system", "cpu", "cpu_features", "memory", "disk_free"} <= set(values)
    assert "fpu" in values["cpu_features"][0].split()


@pytest.mark.parametrize(("disk", "text"), [(0, "0"), (4_294_967_296, "4294967296"),
                                            (1_000_000_001, "1000000001"),
                                            (999_999_999, "999999999")])  # fmt: skip
def test_free_disk_is_exact(hosted_target: Make, disk: int, text: str) -> None:
    t = hosted_target(SMALL)
    t.helper("INFO", SYS_FREE=str(disk + 0))
    if disk:
        # what INFO.TXT itself takes is not written yet when the line is
        assert sealed_lines(t.read("INFO.TXT"))["disk_free"] == [text]
    else:
        assert not t.exists("INFO.TXT")


@pytest.mark.parametrize(
    "args",
    [(), ("CHECK",), ("CHECK", "X.MAN"), ("CHECK", MANIFEST, "Y"), ("DANCE", MANIFEST),
     ("CHECK", "D7F3A21C"), ("CHECK", "D7F3A21G.MAN"), ("CHECK", "D7F3A21C.TXT"), ("SELF", "X"),
     ("CHECK", "A" * 300), ("CHECK", "..\\D7F3A21C.MAN"), ("", "")],
)  # fmt: skip
def test_wrong_use_is_code_4_and_touches_nothing(target: Make, args: tuple[str, ...]) -> None:
    t = target()
    before = t.names()
    assert t.helper(*args) == 4
    assert t.names() == before


def test_commands_and_names_in_any_case(target: Make) -> None:
    t = target(SMALL)
    assert t.helper("check", "d7f3a21c.man") in (1, 5)  # 5 where the file system minds the case
    shutil.copy(t.directory / MANIFEST, t.directory / "x")
    assert t.helper("Check", MANIFEST) == 1


def test_every_report_is_sealed(target: Make) -> None:
    t = target()
    for command in ("CHECK", "JOIN", "RUN"):
        t.helper(command, MANIFEST)
        result = t.result()
        assert result["deployment"] == [ID]
        assert result["command"] == [command]
        assert result["helper"] == ["1.0"]


# ---- packs: small files that travel together --------------------------------------------------

FEW = [
    StagedFile(f"F{n}.DAT", RANDOM.randbytes(n * 37 % 300), place=f"d{n % 3}/file {n}.dat")
    for n in range(1, 41)
]
PACKED = Pack(tuple(FEW), each=15)


def test_many_small_files_are_a_few_gets(target: Make) -> None:
    t = target(PACKED, SMALL)
    assert t.deliver() == 4
    finals = {str(t.final(file).relative_to(t.directory)) for file in t.files}
    assert t.names() == finals | {MANIFEST, f"{ID}.STA", "RESULT.TXT"}
    assert t.result()["file"] == [f"{f.name} {len(f.data)} {f.sha256} good" for f in t.files]


def test_packs_that_are_here_are_told_by_their_base(target: Make) -> None:
    t = target(PACKED, MODEL)
    assert t.check() == 1
    t.fetch(lambda name, data: data[:-1] if name == "PACK0.002" else data)
    assert t.check() == 1
    assert t.result()["have"] == ["PACK0 1,3", "STORI260.BIN 1-13"]
    assert t.result()["bad"] == ["PACK0.002 1"]
    assert t.gets()[0] == ("PACK0.002", "PACK0.A02")
    assert "file" not in t.result()


def test_one_changed_small_file_brings_its_pack_only(target: Make) -> None:
    t = target(PACKED)
    t.deliver()
    t.power_cut()
    before = {f.name: t.final(f).stat().st_mtime_ns for f in FEW}
    changed = [replace(f, data=b"new") if f.name == "F20.DAT" else f for f in FEW]
    t.staged = [Pack(tuple(changed), each=15)]
    t.write_manifest()
    assert t.deliver() == 1
    after = {f.name: t.final(f).stat().st_mtime_ns for f in FEW}
    assert [name for name in before if before[name] != after[name]] == ["F20.DAT"]
    assert not [name for name in t.names() if name.startswith("PACK0")]


def test_a_packed_file_with_a_wrong_sum_keeps_the_others_no_longer_than_itself(
    target: Make,
) -> None:
    t = target(Pack(tuple(FEW)))
    lies = t.read(MANIFEST).split(b"\r\nEND")[0].replace(FEW[6].sha256.encode(), b"0" * 64)
    t.write(MANIFEST, seal(lies.decode().split("\r\n")))
    t.put_parts()
    assert t.check() == 0
    assert t.join() == 8
    assert [f.name for f in FEW if not t.final(f).exists()] == [FEW[6].name]
    assert not t.exists("PACK0.WRK")


def test_a_pack_that_rots_after_it_was_checked_is_fetched_again(target: Make) -> None:
    t = target(PACKED)
    t.put_parts()
    assert t.check() == 0
    flip(t, "PACK0.002", 500)
    assert t.join() == 1
    assert t.check() == 1
    assert t.gets() == [("PACK0.002", "PACK0.A02")]
    t.fetch()
    assert t.check() == 0
    assert t.join() == 0
    assert t.is_delivered()


@pytest.mark.parametrize("cluster", [512, 4096, 32768])
def test_small_files_need_whole_clusters(hosted_target: Make, cluster: int) -> None:
    t = hosted_target(PACKED)
    files = sum(-(-len(f.data) // cluster) * cluster for f in FEW)
    largest = max(-(-len(p) // cluster) * cluster for p in PACKED.pieces)
    need = files + largest + SLACK + 4 * cluster + 256 * len(FEW)
    environment = {"SYS_CLUSTER": str(cluster)}
    assert t.check(SYS_FREE=str(need - 1), **environment) == 3
    assert f"{need // 1024 + 1} KB of disk are needed" in t.result()["reason"][0]
    assert not t.exists("NEXT.FTP")
    assert t.check(SYS_FREE=str(need), **environment) == 1


def test_dates_and_attributes_are_given_also_to_what_is_there_already(target: Make) -> None:
    file = replace(SMALL, date=0x2EE32A84, attributes=1)
    t = target(SMALL)
    t.deliver()
    t.staged = [file]
    t.write_manifest()
    assert t.deliver() == 0
    stat = t.final(file).stat()
    assert time.localtime(stat.st_mtime)[:6] == (2003, 7, 3, 5, 20, 8)
    assert stat.st_mode & 0o222 == 0
    assert t.join() == 0, "what was dressed is still known to be good"


def test_the_payload_goes_where_to_says(target: Make, tmp_path: Path) -> None:
    t = target(PACKED, MODEL, StagedFile("GO.BAT", b"mine", base="GOX"))
    t.extra = ("TO C:/Program Files/My Game", "RULES keep leave")
    t.write_manifest()
    t.deliver()
    assert t.top == tmp_path / "Program Files" / "My Game"
    assert (t.top / "GO.BAT").read_bytes() == b"mine"
    assert t.names() == {MANIFEST, f"{ID}.STA", "RESULT.TXT"}


def test_a_program_runs_in_the_directory_of_the_payload(target: Make) -> None:
    t = target(SMALL, run="CHILD.EXE")
    t.extra = ("TO C:/GAME",)
    t.write_manifest()
    t.deliver()
    child = t.top / "CHILD.EXE"
    child.write_text("#!/bin/sh\necho here > HERE\npwd\n")
    child.chmod(0o755)
    assert t.helper("RUN", MANIFEST) == 0
    assert (t.top / "HERE").exists()
    assert t.read("OUTPUT.TXT").strip().endswith(b"/GAME")
