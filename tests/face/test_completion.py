"""What the shell proposes when Tab is pressed, and that it is silent whatever is broken."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.edge.store import Store
from deployer.host import serial
from tests.face.test_tui_screens import EVENTS

Propose = Callable[[str], list[str]]


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Propose:
    """What bash, or the shell named, is told for a line that ends where Tab was pressed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("DEPLOYER_STATE_DIR", str(tmp_path / "state"))

    def propose(line: str, shell: str = "bash") -> list[str]:
        words = shlex.split(line)
        number = len(words) if line.endswith(" ") else len(words) - 1
        monkeypatch.setenv("_DEPLOYER_COMPLETE", f"complete_{shell}")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(number))
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        with pytest.raises(SystemExit, match="^0$"):
            run([])
        out, err = capfd.readouterr()
        assert err == ""
        return [line for line in out.splitlines() if line]

    return propose


@pytest.fixture
def past(tmp_path: Path) -> None:
    """Deployments in the state directory."""
    store = Store(tmp_path / "state")
    for event in EVENTS:
        store.append(event)
    store.close()


def test_commands_options_and_choices(shell: Propose) -> None:
    assert shell("deployer pro") == ["proof", "provision"]
    assert shell("deployer link ") == ["up", "down", "status"]
    assert shell("deployer push --te") == ["--temperature"]
    assert shell("deployer push --flow x") == ["xonxoff"]


def test_targets_are_the_simulated_pc_the_names_of_the_settings_and_ports(
    shell: Propose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugged = serial.PortInfo("/dev/ttyUSB7", "FTDI FT232R")
    monkeypatch.setattr(serial, "ports", lambda: (plugged,))
    (tmp_path / "deployer.toml").write_text('[targets]\nworkshop = "192.168.1.2"\n')
    expected = ["sim", "any", "workshop", "serial:/dev/ttyUSB7"]
    for line in ("push --target ", "ping ", "doctor --target ", "history --target "):
        assert shell(f"deployer {line}") == expected
    assert shell("deployer push --target w") == ["workshop"]
    assert shell("deployer serial test /dev/tty") == ["/dev/ttyUSB7"]


@pytest.mark.usefixtures("past")
def test_deployments_are_proposed_newest_first_with_their_target(shell: Propose) -> None:
    found = shell("deployer proof D")
    assert len(found) > 2
    for line in ("card ", "retry ", "cancel "):
        assert shell(f"deployer {line}") == found
    store = Path(os.environ["DEPLOYER_STATE_DIR"])
    with_words = shell(f"deployer card --state-dir {store} ", "fish")
    assert [line.partition("\t")[0] for line in with_words] == found
    assert {line.partition("\t")[2] for line in with_words} >= {"sim", "192.168.1.2"}
    last = Store(store)
    newest = last.rows(1)[0].deployment
    last.close()
    assert found[0] == newest


def test_nothing_is_said_when_everything_is_broken(
    shell: Propose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deployer.toml").write_text("=")
    (tmp_path / "state").write_text("no directory")
    monkeypatch.setattr(serial, "ports", lambda: 1 / 0)
    assert shell("deployer push --target s") == ["sim"]
    assert shell("deployer card ") == []
    assert shell("deployer serial test ") == []
    assert "push" in shell("deployer wat --wat ")
    assert shell("deployer push --wat x --flow x") == ["xonxoff"]


def test_the_script_works_in_a_real_bash(tmp_path: Path, root: Path) -> None:
    program = tmp_path / "deployer"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m deployer "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(root),
    }
    asking = """
        eval "$(deployer --show-completion bash)"
        complete -p deployer
        COMP_WORDS=(deployer serial t); COMP_CWORD=2
        _deployer_completion deployer
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", asking],
        env=environment, cwd=tmp_path, check=True, timeout=60, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-2:] == ["test", "terminal"], done.stderr
    assert done.stderr == ""
