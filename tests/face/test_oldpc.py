"""The commands for a PC with an agent, as processes: what they print, and how they end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.core.agents import overlay
from deployer.core.agents.verbs import Go
from deployer.edge.store import Store
from deployer.edge.store.agents import KnownAgent
from deployer.host.sockets import SOCKET
from tests.agentpc import AgentPC, Program, bitmap
from tests.waiting import PATIENCE, free_port, until

AGENT, TOKEN = "A-0123ABCD", "00112233445566778899aabbccddeeff"
KNOWN = KnownAgent(AGENT, "127.0.0.1", "pentium", 1.0)


@dataclass
class Bench:
    """A state directory that knows one agent, and its PC."""

    state: Path
    port: int
    pc: AgentPC

    def begin(self, *words: str, options: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        """A command on its way; it serves by itself, as long as it lasts."""
        command, *rest = words
        common = ["--state-dir", str(self.state), "--ftp-port", str(self.port), "--no-link"]
        common += ["--address", "127.0.0.1", *options]
        environment = {**os.environ, "COLUMNS": "80", "DEPLOYER_STATE_DIR": str(self.state)}
        return subprocess.Popen(
            [sys.executable, "-m", "deployer", command, *common, *rest],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=self.state,
        )

    def do(self, *words: str, options: tuple[str, ...] = (), code: int = 0) -> tuple[str, str]:
        """What a command printed, on both ways, when it ended as it should."""
        command = self.begin(*words, options=options)
        out, err = command.communicate(timeout=PATIENCE)
        assert command.returncode == code, (out, err)
        return out.decode(), err.decode()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    state = tmp_path / "state"
    store = Store(state)
    store.agents.enrol(KNOWN, overlay.fingerprint(TOKEN))
    store.close()
    port = free_port()
    with AgentPC(port, AGENT, TOKEN) as pc:
        yield Bench(state, port, pc)


def test_run_passes_on_output_and_exit_code(bench: Bench) -> None:
    def program(running: Program) -> int:
        running.write(b"Hello from " + running.run.command.encode() + b"\r\n\x1b[31m")
        running.close()
        return 42

    bench.pc.play = program
    out, err = bench.do("run", "pentium", "TEST.EXE", "/X", "a b", "--help", code=42)
    assert out == 'Hello from TEST.EXE /X "a b" --help\r\n\x1b[31m', "a pipe gets the bytes"
    assert "waiting up to 90 s until it calls" in err


def test_run_takes_its_pc_as_push_does_and_names_an_option_that_it_has_not(bench: Bench) -> None:
    def program(running: Program) -> int:
        running.write(running.run.command.encode())
        running.close()
        return 7

    bench.pc.play = program
    out, _err = bench.do("run", "TEST.EXE", "/X", options=("--target", "pentium"), code=7)
    assert out == "TEST.EXE /X"
    _out, err = bench.do("run", "--stdim", "pentium", "TEST.EXE", code=1)
    assert "--stdim: run has no such option." in err
    _out, err = bench.do("run", "pentium", code=1)
    assert "What is to be run on pentium is missing." in err


def test_run_shows_the_first_line_while_the_program_goes_on(bench: Bench) -> None:
    shown = threading.Event()

    def program(running: Program) -> int:
        running.write(b"first\r\n")
        assert shown.wait(PATIENCE)
        running.write(b"last\r\n")
        running.close()
        return 0

    bench.pc.play = program
    command = bench.begin("run", "127.0.0.1", "X.EXE")
    assert command.stdout is not None
    assert command.stdout.readline() == b"first\r\n"
    shown.set()
    assert command.communicate(timeout=PATIENCE)[0] == b"last\r\n"
    assert command.returncode == 0


def test_ctrl_c_ends_the_program_there(bench: Bench) -> None:
    ended = threading.Event()

    def program(running: Program) -> int:
        running.write(b"Press any key\r\n")
        if running.killed.wait(PATIENCE):
            ended.set()
        running.close()
        return 0

    bench.pc.play = program
    command = bench.begin("run", "pentium", "X.EXE")
    assert command.stdout is not None
    command.stdout.readline()
    command.send_signal(signal.SIGINT)
    _out, err = command.communicate(timeout=PATIENCE)
    assert command.returncode == 130, err
    assert ended.is_set()


def test_run_gives_a_file_to_read_and_a_time(bench: Bench, tmp_path: Path) -> None:
    given: list[tuple[bytes, int, str]] = []

    def program(running: Program) -> int:
        given.append((running.given, running.run.seconds, running.run.directory))
        running.close()
        return 0

    bench.pc.play = program
    (tmp_path / "in.txt").write_bytes(b"typed\r\n")
    options = ("--stdin", str(tmp_path / "in.txt"), "--timeout", "30", "--in", "C:\\GAMES")
    bench.do("run", "pentium", "X.EXE", options=options)
    assert given == [(b"typed\r\n", 30, "C:\\GAMES")]


def test_a_batch_files_exit_code_is_said_to_be_worth_nothing(bench: Bench) -> None:
    _out, err = bench.do("run", "pentium", "GO.BAT")
    assert "COMMAND.COM ends with 0 whatever has happened" in err


def test_ls_lists_and_json_has_the_same(bench: Bench) -> None:
    bench.pc.files = {"C:\\AUTOEXEC.BAT": b"abc", "C:\\Long name.txt": b""}
    out, _err = bench.do("ls", "pentium")
    assert "2001-02-03 04:05:06               3  AUTOEXEC.BAT\n" in out
    assert "Long name.txt" in out
    out, _err = bench.do("ls", "pentium", "C:\\", "--json")
    assert [json.loads(line)["bytes"] for line in out.splitlines()] == [3, 0]


def test_ls_of_nothing_is_the_old_pcs_refusal(bench: Bench) -> None:
    _out, err = bench.do("ls", "pentium", "C:\\NO", code=6)
    assert err.splitlines()[-2:] == [
        "deployer: The old PC pentium could not do LS: The path does not exist (Windows error 3).",
        "Look there with deployer ls or deployer screen, then give it again.",
    ]


def test_rm_deletes_only_what_was_brought_unless_forced(bench: Bench) -> None:
    bench.pc.files = {"C:\\OLD.TXT": b""}
    _out, err = bench.do("rm", "pentium", "C:\\OLD.TXT", code=1)
    assert "was brought by no deployment" in err
    out, _err = bench.do("rm", "pentium", "C:\\OLD.TXT", "--force")
    assert out == "C:\\OLD.TXT is deleted.\n"
    assert not bench.pc.files


def test_screen_writes_a_png(bench: Bench, tmp_path: Path) -> None:
    bench.pc.screen = bitmap(640, 480)
    picture = tmp_path / "now.png"
    bench.do("screen", "pentium", "--out", str(picture))
    data = picture.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack_from(">II", data, 16) == (640, 480)
    (length,) = struct.unpack_from(">I", data, 33)
    raw = zlib.decompress(data[41 : 41 + length])
    assert raw[1:4] == b"\xff\0\0", "red above"
    assert raw[-3:] == b"\0\0\xff", "blue below"


def test_a_screen_that_cannot_be_taken_leaves_the_last_picture(
    bench: Bench, tmp_path: Path
) -> None:
    picture = tmp_path / "now.png"
    picture.write_bytes(b"before")
    _out, err = bench.do("screen", "pentium", "--out", str(picture), code=6)
    assert "A DOS program has the whole screen" in err
    assert picture.read_bytes() == b"before"


def test_reboot_is_proved_by_another_start_of_windows(bench: Bench) -> None:
    before = bench.pc.boot
    out, _err = bench.do("reboot", "pentium")
    assert out == "pentium has started again.\n"
    assert bench.pc.boot != before


def test_poweroff_is_proved_by_its_goodbye(bench: Bench) -> None:
    out, _err = bench.do("poweroff", "pentium")
    assert "has said goodbye" in out
    assert until(bench.pc.off.is_set)


def test_poweroff_is_proved_also_when_somebody_switches_it_on_at_once(bench: Bench) -> None:
    before, bench.pc.wakes = bench.pc.boot, True
    bench.do("poweroff", "pentium", options=("--timeout", "30"))
    assert until(lambda: bench.pc.boot != before)


def test_settime_and_input_say_what_they_did(bench: Bench) -> None:
    out, _err = bench.do("settime", "pentium", "--to", "2001-02-03 04:05:06")
    assert out == "The clock there is set to 2001-02-03 04:05:06.\n"
    assert bench.do("input", "pentium", "ALT+N", '"yes"')[0] == "The keys were pressed.\n"
    _out, err = bench.do("settime", "pentium", "--to", "noon", code=1)
    assert "that is no time" in err


def test_bugreport_and_forget(bench: Bench) -> None:
    out, _err = bench.do("bugreport", "pentium")
    assert out == "windows=4.10.2222 A\n"
    out, _err = bench.do("forget", "pentium")
    assert out == "The agent has removed itself.\n"
    _out, err = bench.do("ls", "pentium", code=1)
    assert "There is no agent on pentium" in err


def test_an_agent_that_is_gone_for_good_is_taken_out_of_the_list(bench: Bench) -> None:
    bench.pc.switch_off()
    out, _err = bench.do("forget", "pentium", "--gone")
    assert out == f"The agent {AGENT} on pentium is not known here any more.\n"
    _out, err = bench.do("forget", "pentium", "--gone", code=1)
    assert "There is no agent on pentium" in err


def test_an_agent_that_does_not_come_is_told_as_such(bench: Bench) -> None:
    bench.pc.switch_off()
    _out, err = bench.do("run", "pentium", "X.EXE", options=("--wait", "0.5"), code=4)
    assert "did not call within" in err
    assert "nothing was done there" in err


def test_a_push_says_who_fetches_it_and_shows_the_card_when_the_agent_did_not(
    bench: Bench, tmp_path: Path
) -> None:
    """The agent is asked first; here it cannot, and somebody has to type after all."""

    def cannot(_verb: Go) -> None:
        raise OSError("FTP.EXE is missing")

    bench.pc.go = cannot
    bench.pc.damaged = ["NO 23"]  # this order is given again by itself: nobody has to type yet
    (tmp_path / "a.txt").write_bytes(b"text")
    options = ("--target", "127.0.0.1", "--no-run", "--no-http", "--timeout", "3")
    out, _err = bench.do("push", str(tmp_path / "a.txt"), options=options, code=4)
    lines = out.splitlines()
    asked = lines.index("The agent on the PC fetches it: nothing needs to be typed there.")
    failed = lines.index("The agent on the PC did not do it: FTP.EXE is missing.")
    cards = [n for n, line in enumerate(lines) if "waits for the old PC" in line]
    assert asked < failed < cards[-1], out


def test_a_name_that_was_given_here_is_found_also_when_the_address_is_another(bench: Bench) -> None:
    bench.pc.files = {"C:\\A": b""}
    (bench.state / "deployer.toml").write_text(
        '[targets]\npentium = "10.9.8.7"\nmine = "127.0.0.1"\n'
    )
    for name in ("mine", "pentium"):
        out, _err = bench.do("ls", name, "--json")
        assert json.loads(out)["name"] == "A"


@contextlib.contextmanager
def daemon(bench: Bench) -> Iterator[None]:
    """`deployer serve` over the same state, until the end of the context."""
    environment = {**os.environ, "DEPLOYER_STATE_DIR": str(bench.state)}
    command = [sys.executable, "-m", "deployer", "serve", "--state-dir", str(bench.state)]
    command += ["--control", str(bench.state / SOCKET), "--ftp-port", str(bench.port)]
    command += ["--no-link", "--no-http", "--address", "127.0.0.1"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "ready on" in line:
            break
    rest = threading.Thread(target=process.stdout.read, daemon=True)
    rest.start()
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_run_goes_on_past_a_restart_of_the_daemon(bench: Bench) -> None:
    """The program prints on meanwhile: nothing of it is lost, and nothing comes twice."""
    go_on = threading.Event()

    def program(running: Program) -> int:
        running.write(b"before\r\n")
        assert go_on.wait(PATIENCE)
        running.write(b"after\r\n")
        running.close()
        return 9

    if os.geteuid() == 0:  # root's daemon has a store of its own
        store = Store(bench.state / "served")
        store.agents.enrol(KNOWN, overlay.fingerprint(TOKEN))
        store.close()
    bench.pc.play = program
    with daemon(bench):
        command = bench.begin("run", "pentium", "X.EXE")
        assert command.stdout is not None
        assert command.stdout.readline() == b"before\r\n"
    go_on.set()
    with daemon(bench):
        out, err = command.communicate(timeout=PATIENCE)
        assert (out, command.returncode) == (b"after\r\n", 9), err
    assert [what for _id, what in bench.pc.done] == ["Run"]
