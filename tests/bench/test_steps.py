"""Steps of a bench file that an agent carries out, over a real service, and how a run goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from deployer.__main__ import run
from deployer.bench import Bench, Outcome, reports
from deployer.bench import journal as journals
from deployer.bench.inventory import BenchPayload, parse
from deployer.bench.plan import plan
from deployer.bench.steps import AgentStep
from deployer.core.agents import overlay
from deployer.edge.store import Store
from deployer.edge.store.agents import KnownAgent
from deployer.errors import WrongUse
from deployer.host.pull.compare import Comparison
from deployer.host.requests import Request
from deployer.model import Gather
from tests.agentpc import AgentPC, Program, bitmap
from tests.waiting import free_port

if TYPE_CHECKING:
    from tests.bench.conftest import World

AGENT, TOKEN = "A-0123ABCD", "00112233445566778899aabbccddeeff"
ADDRESS = "127.0.1.1"
RUN = AgentStep("run CHECK.EXE", ("RUN", "C:\\DEPLOY", "0", "0", "CHECK.EXE"), expect="all good")
LS = AgentStep("ls C:\\GAME", ("LS", "C:\\GAME"), expect="SAVE.DAT")

STEPS = """\
[payloads.tool]
files = ["tool.exe"]
no_run = true

[defaults]
stay = true
steps = [
  { push = "tool" },
  { run = 'TOOL.EXE /PC:{name}', exit = 3, expect = "ready", timeout = 60 },
  { pull = 'C:\\LOGS\\*.*', out = "logs/{name}" },
  { reboot = true, timeout = 120 },
  { settime = true },
]

[targets.pc01]
address = "192.168.1.11"

[targets.pc02]
address = "192.168.1.12"
steps = [
  { screen = "{name}.png" }, { input = 'ALT+N' }, { poweroff = true },
  { rm = 'C:\\OLD.TXT', force = true }, { ls = 'C:\\', expect = "OLD" },
  { run = "SORT", in = 'C:\\WORK', stdin = "words.txt" },
]
"""


def test_steps_of_a_file_mean_orders_for_the_agent() -> None:
    one, two = parse(STEPS, folder=Path("/lab")).targets
    push, run, pull, reboot, clock = one.steps
    assert isinstance(push, BenchPayload)
    assert (one.stay, one.payloads, push.name) == (True, (), "tool")
    assert run == AgentStep(
        "run TOOL.EXE /PC:pc01", ("RUN", "C:\\DEPLOY", "60", "0", "TOOL.EXE /PC:pc01"),
        exit=3, expect="ready", patience=60,
    )  # fmt: skip
    gather = Gather("C:\\LOGS\\*.*", "/lab/logs/pc01", keep=True)
    assert pull == BenchPayload("pull C:\\LOGS\\*.*", Request((), gather=gather), always=True)
    assert reboot == AgentStep("reboot", ("POWER", "reboot"), patience=120)
    assert clock == AgentStep("settime", ("TIME",))
    assert two.steps == (
        AgentStep("screen pc02.png", ("SCREEN",), out=Path("/lab/pc02.png")),
        AgentStep("input ALT+N", ("KEYS", "ALT+N")),
        AgentStep("poweroff", ("POWER", "off")),
        AgentStep("rm C:\\OLD.TXT", ("RM", "C:\\OLD.TXT", "1")),
        AgentStep("ls C:\\", ("LS", "C:\\"), expect="OLD"),
        AgentStep("run SORT", ("RUN", "C:\\WORK", "0", "1", "SORT"),
                  carried=Path("/lab/words.txt")),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "remedy"),
    [
        ('{ push = "tool" }', "{}", 8, "defaults.steps[1]", "write one of push, pull, run"),
        ('{ push = "tool" }', '{ push = "tool", run = "X" }', 8, "defaults.steps[1]", "in each"),
        ('{ push = "tool" }', '{ push = "tol" }', 8, "defaults.steps[1].push", "name one of: tool"),
        ("{ settime = true }", "{ settime = false }", 12, "defaults.steps[5].settime", "leave it"),
        ("{ settime = true }", "{ settime = 1 }", 12, "defaults.steps[5].settime", "write true"),
        ("{ settime = true }", "{ runn = 'X' }", 12, "defaults.steps[5].runn", "did you mean run"),
        ("{ settime = true }", "7", 12, "defaults.steps[5]", "a table"),
        ("exit = 3", "out = 'x'", 9, "defaults.steps[2].out", "beside run stands exit"),
        ("exit = 3", "exit = -1", 9, "defaults.steps[2].exit", "such as 0"),
        ("exit = 3", "exit = '3'", 9, "defaults.steps[2].exit", "such as 0"),
        (', out = "logs/{name}"', "", 10, "defaults.steps[3]", 'out = "FOLDER"'),
        ("/PC:{name}", "/PC:{nam}", 9, "defaults.steps[2].run", "or use one of name"),
        ("in = 'C:\\WORK'", "in = 'WORK'", 23, "targets.pc02.steps[6].in", "a directory such as"),
        ('out = "logs/{name}"', 'out = "x", sha256 = { A = "0" }', 10,
         "defaults.steps[3].sha256.A", "write 64 hex digits"),
        ("exit = 3", "same_as = 'x'", 9, "defaults.steps[2].same_as", "beside run stands exit"),
        ("stay = true", "stay = 1", 6, "defaults.stay", "true or false"),
    ],
)  # fmt: skip
def test_a_wrong_step_is_answered_with_line_key_and_remedy(
    old: str, new: str, line: int, key: str, remedy: str
) -> None:
    assert old in STEPS
    with pytest.raises(WrongUse) as caught:
        parse(STEPS.replace(old, new, 1), "bench.toml")
    found = [said for said in caught.value.what.splitlines() if f"line {line}: {key}: " in said]
    assert any(remedy in said for said in found), caught.value.what


def test_what_a_pull_is_compared_with_stands_beside_it() -> None:
    beside = f'same_as = "gold/{{name}}", sha256 = {{ "A.TXT" = "{"0" * 64}" }}, expect = "good"'
    text = STEPS.replace('out = "logs/{name}"', f'out = "logs/{{name}}", {beside}')
    pull = parse(text, folder=Path("/lab")).targets[0].steps[2]
    assert isinstance(pull, BenchPayload)
    assert pull.wanted == Comparison(Path("/lab/gold/pc01"), (("A.TXT", "0" * 64),), "good")


def test_pull_is_a_key_too_and_means_the_same_steps() -> None:
    target = '[payloads]\n[targets.pc1]\naddress = "192.168.1.5"\n'
    full = "{ pull = 'C:\\CAL', out = 'cal/{name}', same_as = 'gold', expect = 'good' }"
    short = parse(f"{target}pull = ['C:\\LOGS\\*.*', {full}]\n", folder=Path("/lab"))
    logs = "{ pull = 'C:\\LOGS\\*.*', out = 'pulled/{name}' }"
    assert short == parse(f"{target}steps = [{logs}, {full}]\n", folder=Path("/lab"))
    for wrong, key, remedy in (
        ("[{ same_as = 'x' }]", "targets.pc1.pull[1]", "write one of push, pull"),
        ("[{ run = 'X' }]", "targets.pc1.pull[1].out", "beside run stands"),
        ("[{ pull = 'X', same = 'x' }]", "targets.pc1.pull[1].same", "did you mean same_as"),
        ("[7]", "targets.pc1.pull[1]", "write"),
        ("'C:\\LOGS'", "targets.pc1.pull", "such as ['C:\\LOGS\\*.*']"),
    ):
        with pytest.raises(WrongUse) as caught:
            parse(f"{target}pull = {wrong}\n", "bench.toml")
        assert f"line 4: {key}: " in caught.value.what
        assert remedy in caught.value.what


@pytest.fixture
def pc(world: World) -> Iterator[AgentPC]:
    """An old PC whose agent this host knows; it calls as soon as somebody serves."""
    store = Store(world.folder / "state")
    store.agents.enrol(KnownAgent(AGENT, ADDRESS, "pentium", 1.0), overlay.fingerprint(TOKEN))
    store.close()
    world.wire = replace(world.wire, ftp_port=free_port())
    with AgentPC(world.wire.ftp_port, AGENT, TOKEN) as pc:
        yield pc


def says(text: str, code: int = 0) -> Callable[[Program], int]:
    def play(program: Program) -> int:
        program.write(text.encode("cp437"))
        program.close()
        return code

    return play


def test_steps_are_done_in_order_and_told_in_the_report(world: World, pc: AgentPC) -> None:
    pc.play, pc.screen = says("checking\r\nall good\r\n"), bitmap()
    pc.files = {"C:\\GAME\\SAVE.DAT": b"1"}
    picture = world.folder / "shots" / "pc.png"
    steps = (
        RUN, LS, AgentStep("screen pc.png", ("SCREEN",), out=picture),
        AgentStep("reboot", ("POWER", "reboot")), AgentStep("settime", ("TIME",)),
    )  # fmt: skip
    results = world.run(world.target(1, steps=steps))
    result = results["pc01"]
    assert (result.outcome, results.exit_code) == (Outcome.DONE, 0), result
    assert [verb for _order, verb in pc.done] == ["Run", "List", "Screen", "Power", "Time"]
    assert [d.payload for d in result.deliveries] == [step.name for step in steps]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert (result.deliveries[0].told, result.deliveries[0].exit_code) == (
        "checking\nall good\n", 0,
    )  # fmt: skip
    (suite,) = ET.fromstring(reports.junit(results))
    assert [case.get("name") for case in suite.iter("testcase")] == [step.name for step in steps]
    assert "checking\nall good" in (suite.findtext("system-out") or "")
    assert "all good" in reports.page(results, str)


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        ("all good\r\n", 3, "the program ended with exit code 3, not 0"),
        ("one\r\ntwo\r\n", 0, "'all good' did not come; the last line was: two"),
    ],
)
def test_what_was_not_expected_ends_the_targets_work(
    world: World, pc: AgentPC, text: str, code: int, why: str
) -> None:
    pc.play = says(text, code)
    results = world.run(world.target(1, steps=(RUN, LS)))
    result = results["pc01"]
    assert (result.outcome, result.code, result.reason) == (Outcome.FAILED, 6, why)
    assert [verb for _order, verb in pc.done] == ["Run"], "nothing comes after a failure"
    (suite,) = ET.fromstring(reports.junit(results))
    assert suite.find("testcase/failure") is not None


def test_without_an_agent_a_step_says_how_one_comes_there(world: World) -> None:
    result = world.run(world.target(1, steps=(RUN,)))["pc01"]
    assert result.code == 1
    assert result.reason == (
        f"run CHECK.EXE: There is no agent on {ADDRESS}: none has been installed there from this "
        "computer."
    )


def test_an_interrupted_run_does_no_step_twice(world: World, pc: AgentPC) -> None:
    """The first step is done, the second under way when the process is killed."""
    pc.play = says("all good\r\n")
    target = world.target(1, steps=(RUN, LS, RUN))
    bench = Bench((target,), source=str(world.folder / "bench.toml"))
    path = journals.place(world.folder / "state", bench)
    assert world.run(target)["pc01"].outcome == Outcome.FAILED  # no such folder: it ends there
    journal = journals.read(path)
    assert journal is not None
    assert journal.steps["pc01"] == (" ".join(RUN.words),)
    order = journal.given["pc01"]
    journals.write(path, journals.Journal(steps=journal.steps, given=journal.given))
    pc.files = {"C:\\GAME\\SAVE.DAT": b"1"}
    again = world.run(target, resume=True)["pc01"]
    assert again.outcome == Outcome.FAILED, "the order that was given is answered, not given anew"
    assert [name for name, _verb in pc.done].count(order) == 1
    assert [verb for _order, verb in pc.done] == ["Run", "List"]
    fresh = world.run(target)["pc01"]
    assert fresh.outcome == Outcome.DONE
    assert [verb for _order, verb in pc.done][2:] == ["Run", "List", "Run"]


def test_a_dry_run_names_the_steps(tmp_path: Path) -> None:
    (tmp_path / "tool.exe").write_bytes(b"MZ")
    shown = plan(parse(STEPS, folder=tmp_path), tmp_path / "state", only=["pc01"]).steps
    assert [(step.payload, step.how) for step in shown] == [
        ("tool", "send"), ("run TOOL.EXE /PC:pc01", "agent"), ("pull C:\\LOGS\\*.*", "pull"),
        ("reboot", "agent"), ("settime", "agent"),
    ]  # fmt: skip


def test_an_agent_comes_along_and_carries_out_the_rest_on_the_simulated_pc(tmp_path: Path) -> None:
    (tmp_path / "hello.bat").write_bytes(b"@ECHO hello %1\r\n")
    (tmp_path / "bench.toml").write_text(
        '[payloads.hello]\nfiles = ["hello.bat"]\nno_run = true\n'
        '[targets.pc]\naddress = "sim"\nstay = true\npayloads = ["hello"]\n'
        'steps = [{ run = "HELLO.BAT there", expect = "hello there" }, '
        "{ ls = 'C:\\DEPLOY', expect = \"HELLO.BAT\" }]\n"
    )
    for outcome in ("proved", "done"):
        done = subprocess.run(
            [sys.executable, "-m", "deployer", "provision", "bench.toml", "--json",
             "--state-dir", str(tmp_path / "state")],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout[-2000:], done.stderr)
        (target,) = json.loads(done.stdout.splitlines()[-1])["targets"]
        assert target["outcome"] == outcome
        assert len(target["deliveries"]) == 3


PULLS = """
[payloads]
[targets.pc]
address = "sim"
steps = [{ pull = 'C:\\LOGS\\*.*', out = "logs", same_as = "golden" }]
"""


def test_what_is_pulled_is_compared_and_a_difference_fails_the_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = tmp_path / "state" / "sim-pcs" / "pc" / "LOGS"
    logs.mkdir(parents=True)
    (logs / "RUN.LOG").write_bytes(b"start\r\nresult 41\r\n")
    bench, junit = tmp_path / "bench.toml", tmp_path / "junit.xml"
    bench.write_text(PULLS)

    def provisioned(code: int) -> dict[str, Any]:
        state = ("--state-dir", str(tmp_path / "state"))
        assert run(["provision", str(bench), "--json", "--junit", str(junit), *state]) == code
        (target,) = json.loads(capsys.readouterr().out.splitlines()[-1])["targets"]
        assert isinstance(target, dict)
        return target

    golden = tmp_path / "golden" / "run.log"
    target = provisioned(1)
    assert f"{golden.parent} is missing" in target["reason"]
    assert target["deliveries"] == [], "nothing was asked of the PC"
    golden.parent.mkdir()
    golden.write_bytes(b"start\r\nresult 42\r\n")
    target = provisioned(5)
    why = f"RUN.LOG is not {golden}: the first difference is byte 16, in line 2"
    assert (target["outcome"], target["code"], target["reason"]) == ("failed", 5, why)
    (delivery,) = target["deliveries"]
    assert delivery["proof"]["proved"], "what came is what the PC had"
    assert (Path(delivery["folder"]) / "RUN.LOG").read_bytes() == b"start\r\nresult 41\r\n"
    failure = ET.fromstring(junit.read_text()).find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.get("message") == why
    golden.write_bytes(b"start\r\nresult 41\r\n")
    assert provisioned(0)["outcome"] == "proved"
