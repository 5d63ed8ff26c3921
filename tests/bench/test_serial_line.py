"""A bench with a PC on a serial line: a payload goes there, files come back and are compared."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.bench.inventory import parse
from deployer.errors import WrongUse
from deployer.model import LineSettings
from tests.host.test_serial_pull import FILES, LIMIT, Pc, tree
from tests.serialwire import Direction, Wire

BENCH = """
[payloads.tool]
files = ["tool.dat"]
no_run = true

[defaults]
flow = "none"

[targets.old]
address = "serial:PORT"
payloads = ["tool"]
pull = [{ pull = 'C:\\LOGS\\*.*', out = "logs", same_as = "golden" }]
"""


def test_a_line_is_set_as_the_bench_says() -> None:
    text = BENCH.replace("PORT", "/dev/ttyS0") + "speed = 38400\n"
    (target,) = parse(text, folder=Path("/lab")).targets
    assert target.on_line
    assert not target.named
    assert target.line == LineSettings(38400, "none")
    with pytest.raises(WrongUse, match="leave mac out|no address"):
        parse(text + 'mac = "00:50:56:00:00:11"\n')
    with pytest.raises(WrongUse, match="defaults.flow"):
        parse(text.replace('"none"', '"some"'))


@pytest.mark.needs("unicorn", "rz")
def test_what_a_bench_pulls_over_a_line_comes_and_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pc, over = Pc(tmp_path / "c"), threading.Event()
    pc.put(FILES)
    (tmp_path / "tool.dat").write_bytes(b"tool")
    for name, data in FILES.items():
        golden = tmp_path / "golden" / name
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_bytes(data)
    bench = tmp_path / "bench.toml"
    paced = Wire(ab=Direction(rate=400_000.0), ba=Direction(rate=400_000.0))
    with paced as wire:
        bench.write_text(BENCH.replace("PORT", wire.a))
        serving = threading.Thread(target=pc.serve, args=(wire.b, over.is_set), daemon=True)
        serving.start()
        try:
            words = ["provision", str(bench), "--json", "--state-dir", str(tmp_path / "state")]
            assert run(words) == 0
        finally:
            over.set()
            serving.join(LIMIT)
    (target,) = json.loads(capsys.readouterr().out.splitlines()[-1])["targets"]
    sent, pulled = target["deliveries"]
    assert sent["outcome"] == pulled["outcome"] == "proved"
    assert (pc.own / "TOOL.DAT").read_bytes() == b"tool"
    (folder,) = (path for path in (tmp_path / "logs").iterdir() if path.is_dir())
    assert tree(folder) == dict(FILES)
