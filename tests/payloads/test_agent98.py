"""The agent as a hosted program: what it does for its host, and what a cut or a power failure does.

The protocol is told in docs/agent.md; `agenthost` is a host that keeps it and nothing more.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.payloads.agenthost import ID, TOKEN, Host, Order, hosting, settings_text
from tests.payloads.hostedcuts import KINDS, Programs, many_lives
from tests.payloads.hostedpc import Pc

Make = Callable[[str, str], Path]
RESTARTS = 88
CUTS = 1000
"""A tenth of what `python -m benchmarks.agent.cuts --hosted --cuts 10000` does."""


@pytest.fixture(scope="module")
def program(make: Make) -> Path:
    return make("hosted", "AGENT98")


@pytest.fixture(scope="module")
def worker(make: Make) -> bytes:
    return make("hosted", "AGENT98W").read_bytes()


@pytest.fixture
def host(worker: bytes) -> Iterator[Host]:
    with hosting(worker=worker) as made:
        yield made


@pytest.fixture
def pc(program: Path, host: Host, tmp_path: Path) -> Iterator[Pc]:
    made = Pc(program, tmp_path / "pc", host)
    made.on()
    assert host.wait_for(lambda: host.hellos)
    yield made
    made.off()


def test_its_units_answer_as_known(make: Make) -> None:
    for name in ("agent98-unit", "worker98-unit"):
        subprocess.run([make("hosted", name)], check=True, timeout=60)
        subprocess.run([make("asan", name)], check=True, timeout=60)


@pytest.mark.parametrize("name", ["agent98-fuzz", "worker98-fuzz"])
def test_a_hostile_server_finds_nothing(make: Make, tmp_path: Path, name: str) -> None:
    subprocess.run(
        [make("asan", name), "1500", tmp_path],
        check=True, timeout=280, stdout=subprocess.DEVNULL,
    )  # fmt: skip


# ---- the line ----------------------------------------------------------------------------------


def test_it_says_who_it_is(pc: Pc, host: Host) -> None:
    assert host.lines[:3] == [f"USER {ID}", f"PASS {TOKEN}", "TYPE I"]
    said = host.hellos[0]
    assert said["state"] == "idle"
    assert said["ver"] == "1.1"
    assert said["win"] == "4.10.2222"


def test_a_wrong_token_is_tried_again_with_longer_and_longer_pauses(
    program: Path, tmp_path: Path
) -> None:
    with hosting(logins={}) as host:
        pc = Pc(program, tmp_path / "pc", host, haste=50)
        pc.on()
        assert host.wait_for(lambda: host.lines.count(f"PASS {TOKEN}") >= 3)
        with host.change:
            host.logins[ID] = TOKEN
        assert host.wait_for(lambda: host.hellos)
        pc.off()


def test_it_comes_back_when_the_line_was_cut(pc: Pc, host: Host) -> None:
    host.hang_up()
    assert host.wait_for(lambda: len(host.hellos) == 2)
    assert host.hellos[0]["boot"] == host.hellos[1]["boot"]


def test_a_new_start_has_a_new_number(pc: Pc, host: Host) -> None:
    pc.off()
    pc.on()
    assert host.wait_for(lambda: len(host.hellos) == 2)
    assert host.hellos[0]["boot"] != host.hellos[1]["boot"]


def test_it_says_goodbye(pc: Pc, host: Host) -> None:
    assert pc.process is not None
    pc.process.send_signal(signal.SIGTERM)
    assert host.wait_for(lambda: host.byes == ["disconnect"])
    assert pc.process.wait(10) == 0


def test_disconnected_it_stays_away_until_it_is_told_otherwise(pc: Pc, host: Host) -> None:
    (pc.folder / "WISH.DSC").touch()
    assert host.wait_for(lambda: host.byes == ["disconnect"])
    assert not host.wait_for(lambda: len(host.hellos) > 1, 2)
    (pc.folder / "WISH.DSC").touch()
    assert host.wait_for(lambda: len(host.hellos) == 2)


def test_remove_leaves_nothing(pc: Pc, host: Host) -> None:
    (pc.folder / "WISH.REM").touch()
    assert host.wait_for(lambda: host.byes == ["remove"])
    assert pc.process is not None
    assert pc.process.wait(10) == 0
    assert [p.name for p in pc.folder.iterdir()] == ["work"]


# ---- orders ------------------------------------------------------------------------------------


def test_output_comes_while_the_program_runs_and_its_exit_code_after(pc: Pc, host: Host) -> None:
    order = host.give("RUN", pc.work, 0, 0, "echo first; while [ ! -e go ]; do :; done; exit 7")
    assert host.wait_for(lambda: host.upload(order, "O") == b"first\n")
    assert order.answer is None
    (pc.work / "go").touch()
    assert host.answer(order) == "OK 7"


def test_a_program_gets_its_input(pc: Pc, host: Host) -> None:
    order = host.give("RUN", pc.work, 0, 1, "wc -c", carried=b"x" * 100_000)
    assert (host.answer(order), host.upload(order, "O")) == ("OK 0", b"100000\n")


def test_a_long_command_comes_as_a_file(pc: Pc, host: Host) -> None:
    line = b"cat; echo " + b"y" * 400
    order = host.give("RUN", pc.work, 0, 1, "@", carried=line + b"\r\nthe input\n")
    assert host.answer(order) == "OK 0"
    assert host.upload(order, "O") == b"the input\n" + b"y" * 400 + b"\n"


def test_a_program_reads_what_it_is_fed_while_it_runs(pc: Pc, host: Host) -> None:
    """Bytes of any value, in hexadecimal; sixty-four orders beside it do not make it forgotten."""
    order = host.give("RUN", pc.work, 0, 2, "head -c 4; echo; read line; echo got $line; exit 5")
    assert host.do("FEED", order.id, b"\xff\x1b\x80".hex()) == "OK 0"
    assert not host.upload(order, "O")
    assert host.do("FEED", order.id, b"\n".hex()) == "OK 0"
    assert host.wait_for(lambda: host.upload(order, "O") == b"\xff\x1b\x80\n\n")
    assert host.do("LS", pc.work).startswith("OK ")
    for _ in range(70):
        assert host.do("KILL", "00000099") == "NO 1168"
    assert host.do("FEED", order.id, b"a line\n".hex()) == "OK 0"
    assert host.answer(order) == "OK 5"
    assert host.upload(order, "O").endswith(b"\ngot a line\n")
    assert host.do("FEED", order.id, "00") == "NO 1168"


@pytest.mark.parametrize("stdin", [0, 1])
def test_a_program_that_is_not_fed_is_not_given_anything(pc: Pc, host: Host, stdin: int) -> None:
    order = host.give("RUN", pc.work, 0, stdin, "echo on; sleep 1000", carried=b"x")
    assert host.wait_for(lambda: host.upload(order, "O"))
    assert host.do("FEED", order.id, "41") == "NO 1168"
    assert host.do("FEED", order.id, "4x") == "NO 1168"
    assert host.do("KILL", order.id) == "OK 0"
    assert host.answer(order) == "NO 1223"


def test_a_program_that_is_not_there_is_said_to_be(pc: Pc, host: Host) -> None:
    assert host.do("RUN", pc.work, 0, 0, "no-such-program") == "NO 2"


def test_a_program_is_ended_when_its_time_is_over(pc: Pc, host: Host) -> None:
    answer = host.do("RUN", pc.work, 1, 0, "sleep 1000")
    assert answer == "NO 1460 timeout; in front: Program Manager"


def test_kill_ends_a_program_and_short_orders_are_done_beside_it(pc: Pc, host: Host) -> None:
    order = host.give("RUN", pc.work, 0, 0, "echo on; sleep 1000")
    assert host.wait_for(lambda: host.upload(order, "O"))
    assert host.do("LS", pc.work).startswith("OK ")
    assert host.do("PUT", pc.work / "X", carried=b"x") == "NO 170"
    assert host.do("KILL", "00000099") == "NO 1168"
    assert host.do("KILL", order.id) == "OK 0"
    assert host.answer(order) == "NO 1223"
    assert host.upload(order, "O") == b"on\n"


def test_an_endless_output_is_cut_by_the_host_and_the_program_goes_on(
    program: Path, worker: bytes, tmp_path: Path
) -> None:
    with hosting(limit=50_000, worker=worker) as host:
        pc = Pc(program, tmp_path / "pc", host)
        pc.on()
        answer = host.do("RUN", pc.work, 0, 0, "head -c 3000000 /dev/zero; exit 3")
        assert answer == "OK 3 the host has not all of the output"
        pc.off()


def test_output_goes_on_where_the_host_has_it_when_the_line_was_cut(pc: Pc, host: Host) -> None:
    command = "i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); done; sleep 0.2; echo end"
    with host.change:
        host.cut = 2000
    order = host.give("RUN", pc.work, 0, 0, command)
    assert host.answer(order) == "OK 0"
    assert host.cuts == 1
    wanted = b"".join(b"line %d\n" % i for i in range(400)) + b"end\n"
    assert host.upload(order, "O") == wanted


def test_files_go_both_ways(pc: Pc, host: Host) -> None:
    data = random.Random(1).randbytes(300_000)
    sum_ = hashlib.sha256(data).hexdigest()
    assert host.do("PUT", pc.work / "X.BIN", len(data), sum_, carried=data) == "OK 0"
    assert (pc.work / "X.BIN").read_bytes() == data
    order = host.give("GET", pc.work / "X.BIN", 1000, 5000)
    assert (host.answer(order), host.upload(order)) == ("OK 0", data[1000:6000])
    order = host.give("GET", pc.work / "X.BIN", 299_999, 0xFFFFFFFF)
    assert (host.answer(order), host.upload(order)) == ("OK 0", data[-1:])
    assert host.do("GET", pc.work / "NONE", 0, 1) == "NO 2"


def test_a_file_with_a_wrong_sum_does_not_get_its_name(pc: Pc, host: Host) -> None:
    (pc.work / "X.BIN").write_bytes(b"old")
    answer = host.do("PUT", pc.work / "X.BIN", 3, "00" * 32, carried=b"new")
    assert answer == "NO 23"
    assert [(p.name, p.read_bytes()) for p in pc.work.iterdir()] == [("X.BIN", b"old")]


def test_a_folder_is_listed(pc: Pc, host: Host) -> None:
    (pc.work / "A.TXT").write_bytes(b"12345")
    order = host.give("LS", pc.work)
    assert host.answer(order) == "OK 1"
    attributes, size, when, short, long = host.upload(order).decode().rstrip("\r\n").split("\t")
    assert (attributes, size, short, long) == ("A", "5", "A.TXT", "A.TXT")
    time.strptime(when, "%Y-%m-%d %H:%M:%S")
    assert host.do("LS", pc.work / "no" / "such") == "NO 3"
    assert host.do("RM", pc.work / "A.TXT", 0) == "OK 0"
    assert host.do("RM", pc.work / "A.TXT", 0) == "NO 2"


def test_the_screen_comes_as_a_bmp(pc: Pc, host: Host) -> None:
    order = host.give("SCREEN")
    assert host.answer(order) == "OK 0"
    picture = host.upload(order)
    assert picture[:2] == b"BM"
    assert int.from_bytes(picture[2:6], "little") == len(picture)
    assert len(picture) == 54 + 48 * 184


def test_the_clock_and_the_keyboard(pc: Pc, host: Host) -> None:
    assert host.do("TIME", "19990102030405") == "OK 0"
    assert (pc.folder / "CLOCK.TXT").read_text() == "19990102030405\n"
    assert host.do("TIME", "1999") == "NO 87"
    assert host.do("KEYS", 'ALT+N "a"') == "OK 0"
    assert (pc.folder / "KEYS.TXT").read_text().split() == [
        "+12",
        "+4E",
        "-4E",
        "-12",
        "+61",
        "-61",
    ]
    assert host.do("KEYS", "FLY") == "NO 87"


def test_an_order_that_it_does_not_know_is_said_to_be(pc: Pc, host: Host) -> None:
    assert host.do("FLY", "high") == "NO 50"


def test_the_answer_is_told_before_windows_ends(pc: Pc, host: Host) -> None:
    assert host.do("POWER", "reboot") == "OK 0"
    assert host.wait_for(lambda: host.byes == ["shutdown"])
    assert pc.process is not None
    assert pc.process.wait(20) == RESTARTS


def test_what_it_was_doing_when_the_power_went_is_lost_and_not_done_again(
    pc: Pc, host: Host
) -> None:
    order = host.give("RUN", pc.work, 0, 0, "echo x >> done; sleep 1000")
    assert host.wait_for((pc.work / "done").exists)
    pc.off()
    pc.on()
    assert host.answer(order) == "LOST"
    assert (pc.work / "done").read_text() == "x\n"


def test_an_order_that_is_given_again_is_answered_again_and_not_done_again(
    pc: Pc, host: Host
) -> None:
    order = host.give("RUN", pc.work, 0, 0, "echo x >> done")
    assert host.answer(order) == "OK 0"
    with host.change:
        order.answer = None
    host.hang_up()
    assert host.answer(order) == "OK 0"
    assert (pc.work / "done").read_text() == "x\n"


def test_what_came_of_an_order_can_be_asked(pc: Pc, host: Host) -> None:
    host.ask = True
    done = host.give("RUN", pc.work, 0, 0, "echo x >> done")
    assert host.answer(done) == "OK 0"
    running = host.give("RUN", pc.work, 0, 0, "sleep 1000")
    assert host.wait_for(lambda: f"STOR O.{running.id}" in host.lines)
    with host.change:
        done.answer = None
        never = Order("0000FFFF", "RUN", given=1)
        running.given = 1
        host.orders.append(never)
    host.hang_up()
    assert host.answer(done) == "OK 0"
    assert host.answer(never) == "NO 1168"
    assert running.answer is None
    assert (pc.work / "done").read_text() == "x\n"


# ---- coming and going --------------------------------------------------------------------------


def test_it_installs_itself_from_wherever_it_was_started(
    program: Path, host: Host, tmp_path: Path
) -> None:
    downloads, home = tmp_path / "downloads", tmp_path / "home"
    downloads.mkdir()
    fresh = downloads / "AGENT98.EXE"
    fresh.write_bytes(program.read_bytes())
    fresh.chmod(0o755)
    (downloads / "AGENT98.INI").write_bytes(settings_text(host.port, name="the pentium"))
    environment = {"AGENT98_HOME": str(home), "PATH": os.environ["PATH"]}
    subprocess.run([fresh], env=environment, cwd=downloads, check=True, timeout=20)
    assert host.wait_for(lambda: host.hellos)
    assert host.hellos[0]["name"] == "the pentium"
    assert (home / "RUNKEY").read_text() == f"{home}/AGENT98.EXE /MIN"
    assert host.do("FORGET") == "OK 0 forget"
    assert host.wait_for(lambda: host.byes == ["remove"])
    assert host.wait_for(lambda: not list(home.glob("AGENT98*")))
    assert list(home.iterdir()) == []


def test_what_a_forget_left_when_the_power_failed_does_not_remove_a_new_agent(
    program: Path, host: Host, tmp_path: Path
) -> None:
    """When Windows starts what has promised to go, it goes; a user who starts it means it."""
    pc = Pc(program, tmp_path / "pc", host)
    journal = pc.folder / "AGENT98.JRN"
    forgotten = b"00000001 TAKEN\r\n00000001 DONE OK 0 forget\r\n00000001 TOLD\r\n"
    journal.write_bytes(forgotten)
    pc.on()
    assert host.wait_for(lambda: host.hellos)
    assert host.do("LS", pc.folder / "AGENT98.EXE") == "OK 1"
    pc.off()
    journal.write_bytes(forgotten)
    pc.on("/MIN")
    assert host.wait_for(lambda: not list(pc.folder.glob("AGENT98*")))


def upgrade(host: Host, data: bytes, sum_: str | None = None) -> Order:
    right = hashlib.sha256(data).hexdigest()
    return host.give("UPGRADE", len(data), sum_ or right, carried=data)


def test_a_new_agent_takes_the_old_ones_place(pc: Pc, host: Host) -> None:
    new = pc.program.read_bytes() + b"new"
    order = upgrade(host, new)
    assert host.answer(order) == "OK 0"
    assert host.hellos[1]["state"] == f"busy:{order.id}"
    assert host.wait_for(lambda: len(host.hellos) == 3)
    assert {said["boot"] for said in host.hellos} == {host.hellos[0]["boot"]}
    assert pc.program.read_bytes() == new
    assert host.do("FORGET") == "OK 0 forget"
    assert host.wait_for(lambda: "remove" in host.byes)


def test_a_new_agent_with_a_wrong_sum_changes_nothing(pc: Pc, host: Host) -> None:
    before = sorted(p.name for p in pc.folder.iterdir())
    assert host.do("UPGRADE", 3, "00" * 32, carried=b"bad") == "NO 23"
    assert sorted(p.name for p in pc.folder.iterdir()) == sorted({*before, "AGENT98.JRN"})


def test_a_new_agent_that_never_says_hello_is_given_up(
    program: Path, host: Host, tmp_path: Path
) -> None:
    pc = Pc(program, tmp_path / "pc", host, haste=10)
    pc.on()
    assert host.wait_for(lambda: host.hellos)
    order = upgrade(host, b"#!/bin/sh\nexit 0\n")
    assert host.answer(order).startswith("NO 1460 ")
    assert pc.program.read_bytes() == program.read_bytes()
    assert not (pc.folder / "AGENT98N.EXE").exists()
    assert host.do("LS", pc.work) == "OK 0"
    pc.off()


# ---- a thousand cuts ---------------------------------------------------------------------------


def test_cuts_and_power_failures_do_nothing_twice_and_lose_nothing_in_silence(
    make: Make, program: Path, tmp_path: Path
) -> None:
    """In orders of all kinds, a new agent, GO, FORGET and installing among them."""
    tally = many_lives(
        Programs(program, make("hosted", "AGENT98W"), make("hosted", "DEPLOY98")), tmp_path, CUTS
    )
    assert tally.harmed >= CUTS
    for kind in KINDS:
        assert sum(times for how, times in tally.ends.items() if how.startswith(f"{kind} ")) > 20
