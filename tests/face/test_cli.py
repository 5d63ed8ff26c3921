"""Wrong uses of the command line: one line that says what and why, one what to do, an exit code."""

from __future__ import annotations

import json
import os
import pwd
import re
import resource
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from deployer.__main__ import run
from deployer.core.lint.check import RULES
from tests.terminal import Terminal

Deployer = Callable[..., tuple[int, str, str]]


@pytest.fixture
def deployer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Deployer:
    """Runs a command line in an empty directory with a state directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEPLOYER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny file with the header and the length of a llama2.c model."""
    path = tmp_path / "stories.bin"
    header = struct.pack("<7i", 8, 8, 1, 2, 2, 300, 8)
    floats = 2 * 8 + 2 * 8 * 8 + 2 * 8 * 8 + 3 * 8 * 8 + 8 + 8 * 4 + 300 * 8
    path.write_bytes(header + bytes(4 * floats))
    return path


def tokenizer(count: int) -> bytes:
    """A llama2.c tokenizer with that many tokens of one letter."""
    return struct.pack("<i", 1) + count * (struct.pack("<fi", 0.0, 1) + b"x")


SIM = ("push", "--target", "sim")
REAL = ("push", "--target", "127.0.0.2", "--address", "127.0.0.1")


@pytest.mark.parametrize(
    ("arguments", "code", "what", "remedy"),
    [
        ((*SIM, "nothing.bin"), 1, "nothing.bin: there is no such file.", "Check the name"),
        ((*SIM, "empty.bin"), 1, "empty.bin: the file is empty", "downloaded completely"),
        ((*SIM, "nothing"), 1, "nothing: this directory has no file in it", "unpacked"),
        ((*SIM, "--wat", "x"), 1, "No such option", "--help"),
        (("wat",), 1, "No such command", "--help"),
        ((*SIM, "--part-size", "3", "some.txt"), 1, "between 256K and 64M", "--part-size 1M"),
        ((*SIM, "--to", "C:\\", "some.txt"), 1, "no directory for the target", "C:\\DEPLOY"),
        ((*SIM, "--recipe", "wat", "some.txt"), 1, "no such recipe", "llama98"),
        ((*SIM, "--recipe", "llama98", "some.txt"), 1, "some.txt is none", "--no-run"),
        ((*SIM, "--profile", "wat", "some.txt"), 1, "no such profile", "win98-fat32"),
        ((*SIM, "--steps", "9", "some.txt"), 1, "--steps has no effect", "leave the option out"),
        ((*SIM, "--steps", "many", "some.txt"), 1, "'many' is not a valid integer", "--help"),
        ((*SIM, "--run", "some.txt", "--seed", "1", "some.txt"), 1, "belongs to a recipe", "--run"),
        ((*SIM, "stories.bin"), 1, "its tokenizer was not found beside it", "--no-run"),
        ((*SIM, "stories.bin", "other.tok.bin"), 1, "it has 9 tokens, the model 300", "belongs to"),
        ((*SIM, "cut.bin"), 1, "its header says", "Download the model again"),
        ((*SIM, "some.txt", "--run", "some.txt Größe"), 1, "plain ASCII", "letters"),
        ((*SIM, "stories.bin", "right.tok.bin", "--prompt", "ö" * 99), 1, "300 fit", "Shorten"),
        ((*SIM, "stories.bin", "right.tok.bin", "--prompt", "ö\0"), 1, "NUL", "Leave it out"),
        ((*SIM, "--temperature", "nan"), 1, "'--temperature': nan is not", "--help"),
        ((*SIM, "--top-p", "nan"), 1, "'--top-p': nan is not", "--help"),
        ((*SIM, "--timeout", "nan"), 1, "'--timeout': nan is not", "--help"),
        ((*SIM, "--address", "foo"), 1, "'--address': foo is no address such as", "--help"),
        ((*SIM, "--address", "10.0.0.1/8"), 1, "10.0.0.1/8: the wire of a push is a /24", "--help"),
        (("retry", "D0000000", "--address", "1.2.3"), 1, "1.2.3 is no address", "--help"),
        ((*SIM, "--seed", "-1"), 1, "'--seed': -1 is not in the range", "--help"),
        ((*SIM, "some.txt", "--run", "A", "--no-run"), 1, "--run and --no-run each say", "Leave"),
        ((*SIM, "some.txt", "--run", "A", "--recipe", "files"), 1, "--run and --recipe", "Leave"),
        ((*SIM, "some.txt", "--recipe", "x", "--no-run"), 1, "--recipe and --no-run", "Leave"),
        (("push", "--target", "pc01", "some.txt"), 1, "--target pc01: neither", "WINIPCFG"),
        (("stage", "some.txt", "--out", "folder"), 1, "already holds other files", "--out"),
        (("stage", "some.txt", "--out", "some.txt/x"), 3, "cannot write there", "another"),
        (("lint", "nothing.bat"), 1, "nothing.bat: there is no such file", "Check the name"),
        (("lint", "bad.bat"), 1, "would not run this batch file", "--explain"),
        ((*SIM, "some.txt", "--state-dir", "some.txt/x"), 3, "cannot write there", "another"),
    ],
)  # fmt: skip
def test_a_wrong_use_says_what_happened_and_what_to_do(
    deployer: Deployer, tmp_path: Path, model: Path,
    arguments: tuple[str, ...], code: int, what: str, remedy: str,
) -> None:  # fmt: skip
    (tmp_path / "empty.bin").touch()
    (tmp_path / "some.txt").write_text("text\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside").touch()
    (tmp_path / "nothing").mkdir()
    (tmp_path / "cut.bin").write_bytes(model.read_bytes()[:-1])
    (tmp_path / "other.tok.bin").write_bytes(tokenizer(9))
    (tmp_path / "right.tok.bin").write_bytes(tokenizer(300))
    (tmp_path / "bad.bat").write_bytes(b"IF 1==1 (ECHO x)\r\n")
    given, _out, err = deployer(*arguments)
    lines = err.splitlines()
    assert given == code
    assert len(lines) == 2, err
    assert what in lines[0]
    assert remedy in lines[1]
    assert "Traceback" not in err


def test_a_port_in_use_is_named(deployer: Deployer, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("text\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _out, err = deployer(*REAL, "--ftp-port", port, "some.txt")
    assert code == 3
    assert f"Port {port} on 127.0.0.1 is in use" in err


def test_an_address_that_is_not_ours_is_named(deployer: Deployer, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("text\n")
    code, _out, err = deployer(
        *("push", "--target", "192.0.2.2", "--address", "192.0.2.1"),
        *("--ftp-port", "0", "--no-link", "some.txt"),
    )
    assert code == 3
    assert "no interface with the address 192.0.2.1" in err


def test_a_target_that_never_comes(deployer: Deployer, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("text\n")
    code, out, err = deployer(*REAL, "--ftp-port", 0, "--timeout", "0.2", "some.txt")
    assert code == 4
    assert "no sign of life" in err
    assert "FTP 192.168.1.1" not in out
    assert "FTP 127.0.0.1" in out


def test_settings_come_from_flag_environment_and_file_in_that_order(
    deployer: Deployer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some.txt").write_text("text\n")
    (tmp_path / "deployer.toml").write_text(
        'address = "192.0.2.3"\nftp_port = 0\n[targets]\npc01 = "192.0.2.9"\n'
    )
    push = ("push", "--no-link", "--target", "pc01", "some.txt")
    assert "192.0.2.3" in deployer(*push)[2]
    monkeypatch.setenv("DEPLOYER_ADDRESS", "192.0.2.4")
    assert "192.0.2.4" in deployer(*push)[2]
    monkeypatch.setenv("DEPLOYER_ADDRESS", "192.0.2.6/24")  # as serve has it
    assert "the address 192.0.2.6," in deployer(*push)[2]
    assert "192.0.2.5" in deployer(*push, "--address", "192.0.2.5")[2]


@pytest.mark.parametrize(
    "text",
    [
        "wat = 1\n",
        "ftp_port = 'x'\n",
        "=\n",
        "timeout = nan\n",
        "timeout = -1\n",
        "address = 'x'\n",
    ],
)
def test_a_wrong_settings_file_is_named(deployer: Deployer, tmp_path: Path, text: str) -> None:
    (tmp_path / "deployer.toml").write_text(text)
    code, _out, err = deployer("status")
    assert code == 1
    assert "deployer.toml" in err


def test_numbers_go_to_the_program_as_they_were_given(
    deployer: Deployer, tmp_path: Path, model: Path
) -> None:
    (tmp_path / "stories.tok.bin").write_bytes(tokenizer(300))
    options = ("--temperature", "0.123456789", "--top-p", "0.99999999", "--seed", "1" + 17 * "0")
    code, _out, _err = deployer("stage", "--out", "out", *options, "--steps", "0", model)
    assert code == 0
    manifest = next((tmp_path / "out").glob("*.MAN")).read_text()
    assert " -t 0.123456789 -p 0.99999999 -n 0 -s 100000000000000000 -q 0\n" in manifest
    deployer("stage", "--out", "two", "--temperature", "1.0", "--top-p", "0", model)
    manifest = next((tmp_path / "two").glob("*.MAN")).read_text()
    assert " -t 1 -p 0 -q 0\n" in manifest


def test_a_user_without_a_home_names_a_place(
    deployer: Deployer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(number: int) -> NoReturn:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    for name in ("HOME", "DEPLOYER_STATE_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "some.txt").write_text("text\n")
    for command in ("history", "status", "proof", "prune", "retry", "push"):
        arguments = {"push": (*SIM[1:], "some.txt"), "prune": ("9",), "retry": ("D0000000",)}
        code, _out, err = deployer(command, *arguments.get(command, ()))
        assert (code, err.splitlines()[1:]) == (3, ["Name one with --state-dir, or set HOME."])
        assert "no home directory" in err
    assert deployer("history", "--state-dir", tmp_path)[0] == 0
    assert deployer("stage", "--out", "out", "some.txt")[0] == 0


def test_a_path_that_is_no_text_is_refused(deployer: Deployer, tmp_path: Path) -> None:
    odd = os.fsdecode(b"gr\xf6\xdfe")  # Latin-1, on a system of UTF-8
    (tmp_path / f"{odd}.txt").write_text("text\n")
    (tmp_path / odd).mkdir()
    (tmp_path / odd / "some.txt").write_text("text\n")
    for name in (f"{odd}.txt", f"{odd}/some.txt", odd):
        code, _out, err = deployer(*SIM, name)
        assert (code, len(err.splitlines())) == (1, 2), err
        assert "UTF-8" in err.splitlines()[0]
    (tmp_path / "some.txt").write_text("text\n")
    code, _out, err = deployer(*SIM, "some.txt", "--state-dir", tmp_path / odd)
    assert code == 1
    assert "is not text in UTF-8" in err


def test_before_the_first_push_there_is_a_hint(deployer: Deployer) -> None:
    for command in ("status", "history"):
        code, out, _err = deployer(command)
        assert code == 0
        assert "deployer push --target sim" in out


def test_a_terminal_without_the_signs_gets_them_escaped(tmp_path: Path, root: Path) -> None:
    (tmp_path / "Größe 😀.bat").write_bytes(b"ECHO x\r\n")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(root)}

    def said(*arguments: str) -> str:
        command = [sys.executable, "-m", "deployer", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, check=False, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ).stdout  # fmt: skip

    assert said("lint", "Größe 😀.bat").startswith(r"Gr\u00f6\u00dfe \ud83d\ude00.bat: COMMAND.COM")
    assert r"deployer: Gr\u00f6\u00dfe \ud83d\ude00.no: there is" in said("lint", "Größe 😀.no")
    state = ("--state-dir", str(tmp_path / "state"))
    told = said(*REAL, "--ftp-port", "0", "--timeout", "0.2", "--json", *state, "Größe 😀.bat")
    assert json.loads(told.splitlines()[0])["files"][0]["long_name"] == "Größe 😀.bat"


@pytest.mark.parametrize("out", ["new", "there"])
def test_staging_that_fails_leaves_nothing(tmp_path: Path, root: Path, out: str) -> None:
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "small.txt").write_bytes(b"x")
    (tmp_path / "tree" / "deep" / "large.txt").write_bytes(bytes(200_000))
    (tmp_path / "there").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "deployer", "stage", "tree", "--out", out],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(root)}, check=False, timeout=60,
        stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 2), done.stderr
    assert f"{out}/deep: cannot write there (File too large)" in done.stderr
    assert (tmp_path / "there").is_dir()
    assert not list((tmp_path / "there").iterdir())
    assert not (tmp_path / "new").exists()


def test_lint_explains(deployer: Deployer, tmp_path: Path) -> None:
    (tmp_path / "bad.bat").write_bytes(b"IF 1==1 (ECHO x)\r\n")
    (tmp_path / "good.bat").write_bytes(b"@ECHO OFF\r\nECHO hello\r\n")
    code, out, _err = deployer("lint", "--explain", "bad.bat")
    assert code == 1
    assert "bad.bat:1: error:" in out
    (rule,) = (rule for rule in RULES if rule.id == "block")
    for line in (rule.why, rule.remedy, f"sources: {', '.join(rule.sources)}"):
        assert f"\n    {line}\n" in out
    _code, out, _err = deployer("lint", "--json", "bad.bat")
    told = [json.loads(line) for line in out.splitlines()]
    assert (told[0]["line"], rule.why in [finding["why"] for finding in told]) == (1, True)
    code, out, _err = deployer("lint", "good.bat")
    assert code == 0
    assert "runs this as written" in out


def test_warnings_alone_are_no_failure(deployer: Deployer, tmp_path: Path) -> None:
    """And a rule that nobody has seen on Windows 9x says so."""
    (tmp_path / "menu.bat").write_bytes(b"@ECHO OFF\r\nECHO \xc9\xcd\xbb\r\nDEL *.*\r\n")
    code, out, err = deployer("lint", "menu.bat")
    assert (code, err) == (0, "")
    assert "menu.bat:2: warning: byte C9h looks different" in out
    assert "    ECHO ╔═╗\n" in out
    assert "and waits (known from MS-DOS 4.00 only) [del-all]" in out
    assert "runs this as written, as far as is known, with 2 warnings." in out
    (tmp_path / "one.bat").write_bytes(b"ECHO \x07\r\nCD /D C:\\\r\n")
    code, _out, err = deployer("lint", "one.bat")
    assert code == 1
    assert "would not run this batch file as written (errors: 1)" in err


def test_help_is_not_an_error(deployer: Deployer) -> None:
    code, out, _err = deployer("--help")
    assert code == 0
    for command in ("push", "stage", "status", "history", "lint", "sim"):
        assert command in out


def test_without_arguments_it_says_how_to_begin(deployer: Deployer) -> None:
    code, out, err = deployer()
    assert (code, err) == (1, "")
    steps = [line.strip() for line in out.splitlines()[1:]]
    assert len(steps) == 3
    assert [step.split("  ")[0] for step in steps] == [
        "deployer demo", "deployer doctor", "deployer push --target PC",
    ]  # fmt: skip


@pytest.mark.needs("unicorn")
def test_the_demo_tells_its_story_in_a_frame_and_says_what_to_do_next(tmp_path: Path) -> None:
    """On a terminal: the simulated PC's screen in a frame, where the story grows word by word."""
    written = bytearray()
    command = [sys.executable, "-m", "deployer", "demo", "--state-dir", str(tmp_path)]
    with Terminal(command, (100, 60), heard=written.extend) as terminal:
        terminal.until("less than a minute")
        assert terminal.ended() == 0
        shown = terminal.text
    frames = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())
    told = set(re.findall(r"Once upon[^│\r\n]*_", frames))
    assert len(told) > 1, "it came at once"
    *_others, longest = sorted(told, key=len)
    assert "Once upon a time, there was" in longest
    assert "─ The simulated PC ─" not in shown, "the frame is gone in the end"
    assert "What the program printed:" in shown
    assert "Proved by the simulated PC" in shown
    last = shown.rstrip().splitlines()[-3:]
    assert [line.split()[:2] for line in last] == [
        ["deployer", "proof"], ["deployer", "doctor"], ["deployer", "push"],
    ]  # fmt: skip


def test_without_files_the_sample_model_goes_to_a_real_pc_and_into_a_folder_too(
    deployer: Deployer, tmp_path: Path
) -> None:
    code, out, _err = deployer(*REAL, "--ftp-port", 0, "--timeout", "0.2")
    assert code == 4
    assert "campfire158.l98" in out
    code, out, _err = deployer("stage", "--out", "out")
    assert code == 0
    assert (tmp_path / "out" / "CAMPF158.L98").exists()
    code, out, _err = deployer("model", "inspect")
    assert code == 0
    assert "campfire158.l98: a container for LLAMA98.EXE" in out


def test_a_name_is_a_target_wherever_one_is_taken(deployer: Deployer, tmp_path: Path) -> None:
    """Push, status, card, proof, history, retry and cancel, without an id."""
    (tmp_path / "some.txt").write_text("text\n")
    assert deployer("name", "127.0.0.2", "pentium")[0] == 0
    for words in (("127.0.0.2", "sim"), ("127.0.0.2", "D1234567"), ("127.0.0.2", "1.2.3.4")):
        code, _out, err = deployer("name", *words)
        assert (code, "not a name for a PC" in err) == (1, True)
    assert deployer("name", "pc01", "pentium")[0] == 1
    code, _out, err = deployer("status", "--target", "pentium")
    assert code == 0, "nothing was pushed at all"
    words = ("--target", "pentium", "--address", "127.0.0.1", "--ftp-port", 0, "--timeout", "0.2")
    assert deployer("push", *words, "some.txt", "--no-run")[0] == 4
    _code, out, _err = deployer("status", "--target", "pentium", "--json")
    (row,) = map(json.loads, out.splitlines())
    assert row["target"] == "127.0.0.2"
    assert row["deployment"] in deployer("card", "--target", "pentium")[1]
    assert deployer("proof", "--target", "pentium")[1].startswith(f"Deployment {row['deployment']}")
    assert row["deployment"] in deployer("history", "--target", "pentium")[1]
    again = ("--ftp-port", 0, "--address", "127.0.0.1", "--timeout", "0.2")
    assert deployer("retry", "--target", "pentium", *again)[0] == 4
    code, _out, err = deployer("cancel", "--target", "pentium")
    assert (code, f"{row['deployment']} has ended" in err) == (1, True)
    code, _out, err = deployer("cancel", row["deployment"], "--target", "pentium")
    assert (code, "Which one?" in err) == (1, True)
    code, _out, err = deployer("proof", "--target", "127.0.0.9")
    assert (code, "Nothing has been pushed to 127.0.0.9 yet." in err) == (1, True)
