"""A survey over the whole road: pushed, run, brought back, kept, shown, exported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.core.survey.judge import Verdict
from deployer.errors import EXIT_USE, EXIT_VERIFY
from deployer.host.surveys import asked, kept
from deployer.sim.commandcom import WIN98, flipped
from tests.commandline import called
from tests.surveying import PROBES, RUN, SurveyedPc, judged, some


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with a survey of the simulated PC, of three probes, called `mine`."""
    where = tmp_path_factory.mktemp("survey")
    asked.fill(where / "folder", some("shift", "for-nested", "args-quoted"), RUN, asked.DIRECTORY)
    state = where / "state"
    road = ("--target", "sim", "--state-dir", str(state), "--json")
    sent = (str(where / "folder"), "--run", "SURVEY.BAT", "--to", asked.DIRECTORY)
    assert run(["push", *sent, *road]) == 0
    (output,) = state.glob("inbox/*/OUTPUT.TXT")
    called("survey", "import", str(output), "--name", "mine", "--state-dir", str(state))
    return state


def test_it_is_shown_by_section(state: Path) -> None:
    shown = called("survey", "show", "mine", "--state-dir", str(state))
    assert "COMMAND.COM  2 as expected, 1 showed what nobody knew, " in shown
    assert "system: Windows 98 4.10.1998" in shown
    assert "command.args-quoted: " in shown


def test_it_is_an_object_for_programs(state: Path) -> None:
    found = json.loads(called("survey", "show", "--json", "--state-dir", str(state)))
    verdicts = {one["probe"]: one["verdict"] for one in found["probes"]}
    assert verdicts["command.shift"] == "pass"
    assert verdicts["command.pause"] == "unknown"
    assert found["sections"]["command"]["told"] == 1


def test_it_is_listed_and_agrees_with_the_simulated_pc(state: Path) -> None:
    assert "mine" in called("survey", "list", "--state-dir", str(state))
    assert called("survey", "diff", "mine", "--state-dir", str(state)) == "They agree.\n"


def test_figures_are_no_difference(tmp_path: Path) -> None:
    """Two surveys of one PC never measure the same, and what nobody expects does not differ."""
    state = tmp_path / "state"
    for name in ("one", "two"):
        pc = SurveyedPc(tmp_path / name, some("tick", "space", "memory"))
        pc.survey()
        found = pc.folder / f"{RUN}.TXT"
        called("survey", "import", str(found), "--name", name, "--state-dir", str(state))
    assert called("survey", "diff", "one", "two", "--state-dir", str(state)) == "They agree.\n"
    assert called("survey", "diff", "one", "--state-dir", str(state)) == "They agree.\n"
    shown = called("survey", "show", "one", "--state-dir", str(state))
    assert "  memory: 128 MB\n" in shown
    assert "least_step: " in shown


def test_its_export_tells_no_more_than_it_may(state: Path) -> None:
    shown = called("survey", "export", "mine", "--state-dir", str(state))
    assert "command.shift=pass\n" in shown
    assert "SURVEY" not in shown.replace("survey-export=1", "")
    assert RUN not in shown


def test_a_survey_that_was_changed_is_refused(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept,) = state.glob("surveys/*.txt")
    other = tmp_path / "changed.txt"
    other.write_bytes(kept.read_bytes().replace(b"Windows 98", b"Windows 99"))
    assert run(["survey", "import", str(other), "--state-dir", str(state)]) == EXIT_VERIFY
    assert "this survey cannot be trusted" in capsys.readouterr().err


def test_an_export_is_a_new_file_and_no_survey(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "my-pentium.txt"
    export = ("survey", "export", "mine", "--out", str(out), "--state-dir", str(state))
    called(*export)
    before = out.read_bytes()
    assert run(export) == EXIT_USE
    assert "cannot be written: File exists" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert run(["survey", "import", str(out), "--state-dir", str(state)]) == EXIT_VERIFY
    assert "it is an export" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sim", "--quick", "--full"), "--quick and --full exclude each other"),
        (("192.168.1.2", "--fault", "hang@1"), "--fault breaks simulated PCs only"),
        (("192.168.1.2", "--like", "x"), "--like is for simulated PCs only"),
        (("sim", "--like", "nobodys"), "There is no survey nobodys here"),
        (("serial:/dev/ttyS9",), "over a network only"),
        (("sim", "--to", "C:\\Long Name Here"), "8.3 names"),
        (("show", "nobodys"), "There is no survey nobodys here"),
        (("import", "no-such-file"), "there is no such file"),
    ],
)
def test_wrong_turns(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["survey", *words, "--state-dir", str(tmp_path)]) == EXIT_USE
    assert said in capsys.readouterr().err


def test_the_simulated_pc_is_made_like_the_pc_of_a_survey(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A PC whose DIR has no /B is surveyed; the simulated PC then answers as it did."""
    state, folder = tmp_path / "state", tmp_path / "folder"
    pc = SurveyedPc(tmp_path / "pc", some("dir-b"))
    pc.machine.dialect = flipped(WIN98, ["bare_dir"])
    (one,) = pc.survey()
    assert one.verdict is Verdict.DIFFERS
    odd = pc.folder / f"{RUN}.TXT"
    called("survey", "import", str(odd), "--name", "odd", "--state-dir", str(state))
    asked.fill(folder, some("dir-b"), RUN, asked.DIRECTORY)
    road = ("--target", "sim", "--like", "odd", "--state-dir", str(state), "--json")
    assert run(["push", str(folder), "--run", "SURVEY.BAT", "--to", asked.DIRECTORY, *road]) == 0
    (output,) = state.glob("inbox/*/OUTPUT.TXT")
    called("survey", "import", str(output), "--name", "like", "--state-dir", str(state))
    capsys.readouterr()
    diff = called("survey", "diff", "like", "odd", "--state-dir", str(state))
    assert diff == "They agree.\n"
    assert "command.dir-b" in called("survey", "diff", "like", "--state-dir", str(state))
    assert run(["sim", "--like", "odd", "--state-dir", str(state), "--check"]) == 0


def test_the_pc_is_asked_about_its_disk_over_a_bad_cable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cable is pulled in the middle of a part, and the power fails in a probe."""
    state = ("--state-dir", str(tmp_path), "--json")
    faults = ("--fault", "cut@3000", "--fault", "power@150")
    assert run(["survey", "sim", "--only", "disk", *faults, *state]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    disk = found["sections"]["disk"]
    assert disk["pass"] + disk["told"] + disk["stopped"] == 8
    assert disk["stopped"] <= 1
    assert found["target"] == "sim"
    assert not list(tmp_path.glob("surveys/S*")), "the folder that was sent is gone"


def test_ftp_exe_answers_what_is_expected_without_a_host(tmp_path: Path) -> None:
    """What needs a host is not asked there, and that is no difference."""
    section = [probe for probe in PROBES.values() if probe.section == "ftp"]
    served = {probe.identity for probe in section if "S.TXT" in probe.files}
    pc = SurveyedPc(tmp_path, section)
    found = {one.probe.identity: (one.verdict, one.differing) for one in pc.survey()}
    assert len(served) > 15
    assert found == {
        name: (Verdict.UNKNOWN if name in served else Verdict.PASS, ()) for name in found
    }


SERVED = ("session", "lines", "cut", "lost", "missing", "mget-asks", "name-of-80")


def test_ftp_exe_answers_what_is_expected_of_the_host(tmp_path: Path) -> None:
    """The host's own server plays for the deployment that brought the survey, and for no other."""
    folder, state = tmp_path / "folder", tmp_path / "state"
    asked.fill(folder, some(*SERVED), RUN, asked.DIRECTORY)
    road = ("--target", "sim", "--state-dir", str(state), "--json")
    assert run(["push", str(folder), "--run", "SURVEY.BAT", "--to", asked.DIRECTORY, *road]) == 0
    (output,) = state.glob("inbox/*/OUTPUT.TXT")
    survey = kept.read(kept.arrived(output), RUN)
    found = {one.probe.name: one for one in judged(survey, some(*SERVED))}
    assert {name: one.verdict for name, one in found.items()} == dict.fromkeys(SERVED, Verdict.PASS)
    assert "CWD LINES\nTYPE I\n" in found["lines"].found["OUT.TXT"]


def test_programs_answer_what_is_expected(tmp_path: Path) -> None:
    pc = SurveyedPc(tmp_path, some("exit-code", "pipe", "batch-output", "imports", "kill"))
    assert [(one.verdict, one.differing) for one in pc.survey()] == [(Verdict.PASS, ())] * 5
