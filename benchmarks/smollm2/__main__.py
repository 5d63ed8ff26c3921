"""`make smollm2-check`: SmolLM2's GGUF file, pushed to the simulated PC and asked there.

On an emulated Pentium II with 128 MB: `deployer push --target sim` has to prove it and to continue
a text, `deployer chat sim` to answer a question. At least `LEAST` tokens of both are to be those of
the goldens, or of the graph in float32 that agrees with them. About five minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from deployer.core.model import gguf, graph
from deployer.core.model.source import source_of
from deployer.core.model.tokenize import Tokenizer
from deployer.core.model.vocabulary import vocabulary_of
from deployer.edge.modelfiles import ModelFile

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "build" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
GOLD = ROOT / "tests" / "data" / "gold" / "chat.jsonl"
LEAST = 8
TEXT, STEPS = "The capital of France is", 16
MEMORY = 128 << 20


def deployer(*words: object, said: str = "") -> list[dict[str, object]]:
    """What a command tells as JSON; it has to end with 0."""
    command = [sys.executable, "-m", "deployer", *map(str, words), "--json"]
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def equal(one: list[int], other: list[int]) -> int:
    """How many tokens both begin with."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def told_text(events: list[dict[str, object]]) -> bytes:
    """What the program printed, without its last line. Raises what a missing event is."""
    (output,) = [event for event in events if event.get("event") == "output-received"]
    return Path(str(output["path"])).read_bytes().rpartition(b"\r\ntokens=")[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=MODEL, metavar="FILE.gguf")
    path = parser.parse_args().file
    golden = json.loads(GOLD.read_text(encoding="utf-8").splitlines()[0])
    found: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as state, ModelFile(path) as model:
        source = source_of(gguf.parse(model.read, model.length, str(path)), model.read)
        tokenizer = Tokenizer(vocabulary_of(source.file))
        words = ("--target", "sim", "--state-dir", state, "--temperature", 0, "--steps", STEPS)
        events = deployer("push", *words, "--prompt", TEXT, path)
        (proof,) = [event["proof"] for event in events if event.get("event") == "proof-received"]
        memory = proof["report"]["memory"]  # type: ignore[index]
        tokens = tokenizer.encode(told_text(events))
        picks = graph.logits(source, tokens).argmax(axis=1).tolist()
        start = len(tokenizer.encode(TEXT.encode()))
        found["push"] = equal(tokens[start:], picks[start - 1 :])
        question = golden["messages"][0]["content"]
        chat = deployer("chat", "sim", path, "--state-dir", state, said=f"{question}\n")
        (answer,) = [str(one["answer"]) for one in chat if "answer" in one]
        said, wanted = tokenizer.encode(answer.encode()), golden["greedy_f32"]
        if wanted[len(said)] in tokenizer.vocabulary.stops:  # the answer's end is a token, too
            said.append(wanted[len(said)])
        found["chat"] = equal(said, wanted)
    print(f"memory of the simulated PC: {memory:,} bytes")
    print(f"push: {tokenizer.decode(tokens, special=False).decode()!r}")
    print(f"chat: {question} {answer!r}")
    for name, count in found.items():
        print(f"{name}: the first {count} tokens are those of the reference (at least {LEAST})")
    return int(min(found.values()) < LEAST or memory != MEMORY)


if __name__ == "__main__":
    sys.exit(main())
