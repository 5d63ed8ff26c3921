"""The pytest plugin, as a test suite of somebody else uses it."""

from __future__ import annotations

import shutil
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

BENCH = """
[wire]
address = "127.0.0.1/8"
ftp_port = 0
[payloads.none]
files = ["none"]
[defaults]
payloads = ["none"]
retries = 0
[targets.pc01]
address = "127.0.1.1"
deadline = 4
"""


def run(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    installed = any(e.name == "deployer" for e in entry_points(group="pytest11"))
    plugin = () if installed else ("-p", "deployer.bench.pytest_plugin")
    return pytester.runpytest_subprocess(*plugin, "-p", "no:cacheprovider", *words, timeout=100)


@pytest.fixture(autouse=True)
def _this_tree(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(root))


def test_without_a_bench_there_is_the_simulated_pc(pytester: pytest.Pytester, root: Path) -> None:
    for name in ("campfire260K.bin", "campfire.tok.bin"):
        shutil.copy(root / "payloads" / "models" / "campfire" / name, pytester.path)
    shutil.copy(root / "payloads" / "bin" / "LLAMA98.EXE", pytester.path / "ENGINE.EXE")
    pytester.makepyfile("""
        def test_it_tells_a_story(deployer):
            pc = deployer["sim"]
            told = pc.push("campfire260K.bin", recipe="llama98", options={"steps": 5})
            assert told.proved and told.exit_code == 0
            assert told.tokens_per_second > 0
            assert "tok/s" in pc.output(told)

        def test_what_is_there_is_not_sent_unless_forced(deployer):
            pc = deployer["sim"]
            again = pc.push("campfire260K.bin", recipe="llama98", options={"steps": 5}, force=False)
            assert again.proved and again.sent == 0

        def test_a_program_that_fails_is_seen_by_its_exit_code(deployer):
            told = deployer["sim"].push("ENGINE.EXE", run="ENGINE.EXE nothing.bin")
            assert told.exit_code == 2
    """)
    run(pytester).assert_outcomes(passed=3)


def test_a_target_that_does_not_come_fails_the_test_and_says_why(
    pytester: pytest.Pytester,
) -> None:
    (pytester.path / "bench.toml").write_text(BENCH)
    (pytester.path / "x.exe").write_bytes(b"MZ")
    pytester.makeini("[pytest]\ndeployer_bench = bench.toml\ndeployer_state_dir = state\n")
    pytester.makepyfile("""
        def test_it_comes(deployer):
            deployer["pc01"].push("x.exe")

        def test_it_is_named_right(deployer):
            deployer["pc09"].push("x.exe")
    """)
    result = run(pytester)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*NotProved: pc01: x.exe is not proved: not done within 4 s; *nothing yet",
            "*WrongUse: The bench has no target pc09.",
        ]
    )


def test_a_malformed_bench_is_an_error_with_its_line(pytester: pytest.Pytester) -> None:
    (pytester.path / "b.toml").write_text(BENCH.replace("127.0.1.1", "127.0.1"))
    pytester.makepyfile("def test_it(deployer): pass")
    result = run(pytester, "--deployer-bench", "b.toml")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*b.toml, line 11: targets.pc01.address: *"])
