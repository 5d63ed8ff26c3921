"""Models on the command line: inspected, converted, sent to the simulated PC and run there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="needs the extra models")
pytest.importorskip("gguf", reason="needs the extra models")

from tests import needs

FOLDER = needs.ROOT / "payloads" / "models" / "campfire158"


def deployer(*words: object) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "deployer", *map(str, words)],
        capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """campfire158 as a GGUF file."""
    path = tmp_path_factory.mktemp("model") / "campfire158.gguf"
    tokenizer = FOLDER.parent / "campfire" / "campfire.tok.bin"
    program = [sys.executable, FOLDER / "gguf_of.py", FOLDER / "campfire158.npz", tokenizer, path]
    subprocess.run([str(word) for word in program], check=True, timeout=60)
    return path


def test_a_gguf_file_is_inspected(story: Path) -> None:
    code, out, _err = deployer("model", "inspect", story, "--for", "64M")
    assert code == 0
    assert "1,171,456 parameters, bitnet, 6 layers" in out
    assert "with 64 MB of memory: all of it stays in memory" in out
    code, out, _err = deployer("model", "inspect", story, "--json")
    assert json.loads(out)["matrices"] == {"F16": 42}


def test_it_is_converted_and_the_container_is_inspected(story: Path, tmp_path: Path) -> None:
    to = tmp_path / "story.l98"
    code, out, _err = deployer("model", "convert", story, "--to", to)
    assert code == 0
    assert "matrices: 42 of ternary" in out
    code, out, _err = deployer("model", "inspect", to)
    assert code == 0
    assert "a container for LLAMA98.EXE" in out
    code, out, _err = deployer("model", "convert", story, "--to", to, "--json")
    assert json.loads(out)["files"] == [str(to)]


def test_it_is_staged_as_it_is_pushed(story: Path, tmp_path: Path) -> None:
    """Converted on the way, into a folder that a CF card gets."""
    state = ("--state-dir", tmp_path / "state")
    code, out, err = deployer("stage", story, "--out", tmp_path / "card", *state)
    assert code == 0, err
    assert "campfire158.gguf: converted for the old PC, 1 file" in out
    made = (tmp_path / "card" / "CAMPFI~1.L98", tmp_path / "card" / "CAMPFIRE.L98")
    assert [path.stat().st_size for path in made if path.exists()] == [401_408]
    assert (tmp_path / "card" / "LLAMA98.EXE").exists()


def test_what_is_no_model_ends_with_two_lines_and_leaves_nothing(tmp_path: Path) -> None:
    page = tmp_path / "model.gguf"
    page.write_bytes(b"<!DOCTYPE html><html>")
    for words in (("model", "convert", page), ("model", "inspect", page),
                  ("push", "--target", "sim", "--state-dir", tmp_path / "s", page)):  # fmt: skip
        code, _out, err = deployer(*words)
        assert code == 1
        assert err.count("\n") == 2
        assert "web page" in err
    assert not list(tmp_path.glob("*.l98"))


def test_safetensors_are_refused_with_the_file_to_get(tmp_path: Path) -> None:
    """The folder of Hugging Face's libraries, and the file alone; --no-run delivers them."""
    folder = tmp_path / "SmolLM2"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    file = folder / "model.safetensors"
    file.write_bytes(b"\x08\0\0\0\0\0\0\0{}      " + bytes(64))
    state = ("--state-dir", tmp_path / "s")
    for words in (("model", "convert", folder), ("model", "inspect", file),
                  ("stage", folder, "--out", tmp_path / "o", *state),
                  ("push", "--target", "sim", *state, file)):  # fmt: skip
        code, _out, err = deployer(*words)
        assert code == 1
        assert "it is a model as safetensors" in err
        assert "Use its .gguf file" in err
    assert not (tmp_path / "o").exists()
    code, _out, err = deployer("stage", folder, "--no-run", "--out", tmp_path / "o", *state)
    assert code == 0, err


@pytest.mark.parametrize("size", ["128", "8M", "9999M", "much"])
def test_a_memory_that_is_none_is_refused(size: str, story: Path) -> None:
    assert deployer("model", "inspect", story, "--for", size)[0] == 1


def test_known_models_are_listed() -> None:
    code, out, _err = deployer("model", "list")
    assert code == 0
    assert "SmolLM2-135M-Instruct" in out
    code, out, _err = deployer("model", "list", "--json")
    first = json.loads(out.splitlines()[0])
    assert set(first["expected"]) == {"64M", "128M", "256M", "512M"}


@pytest.mark.needs("unicorn")
def test_a_gguf_file_is_pushed_and_tells_its_story(story: Path, tmp_path: Path) -> None:
    """Converted on the way, proved there, and run on an emulated Pentium II."""
    words = ["push", "--target", "sim", "--state-dir", tmp_path, story, "--steps", 30]
    words += ["--temperature", 0, "--prompt", "Once upon a time"]
    code, out, err = deployer(*words)
    assert code == 0, err
    assert "converted for the old PC" in out
    expected = (FOLDER / "expected-greedy.txt").read_text()
    assert expected[:60] in " ".join(out.split())
    assert "Proved by the simulated PC" in out
    _code, out, _err = deployer(*words)
    assert "converted before" in out
    assert "0 parts sent" in out or "already there" in out
