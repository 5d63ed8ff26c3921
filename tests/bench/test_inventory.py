"""Bench files: what a good one means, and what a malformed one is answered."""

from __future__ import annotations

import json
import random
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from deployer.bench import locate, schema
from deployer.bench.inventory import Bench, BenchPower, parse
from deployer.errors import WrongUse
from deployer.host import staging

GOOD = """\
[payloads.hello]
files = ["hello.bin"]
run = "HELLO.EXE /PC:{name} /ROOM:{room}"

[payloads.data]
files = ["data"]
no_run = true
part_size = "1M"

[payloads.story]
files = ["model.bin"]
options = { top_p = 0.5, steps = 9 }

[defaults]
payloads = ["data"]
vars = { room = "hall", shelf = 3 }
retries = 1

[defaults.power]
on = ["power", "{name}", "on"]
timeout = 5

[groups.slow]
silence = 1800
retries = 5

[groups.workshop]
payloads = ["hello", "data"]
retries = 4
[groups.workshop.vars]
room = "shop"

[targets.pc01]
address = "192.168.1.11"
mac = "00-50-56-00-00-AB"

[targets.pc02]
address = "192.168.1.12"
groups = ["slow", "workshop"]
say = "Switch on {name} (shelf {shelf}) {{now}}"
to = 'C:\\OTHER'
vars = { shelf = 4 }

[targets.pc03]
address = "192.168.1.13"
payloads = ["story"]
"""


def test_a_target_wins_over_groups_over_defaults() -> None:
    bench = parse(GOOD, folder=Path("/lab"))
    one, two, three = bench.targets
    assert one.mac == "00:50:56:00:00:ab"
    assert (one.retries, one.silence, [p.name for p in one.payloads]) == (1, 900, ["data"])
    assert (two.retries, two.silence) == (4, 1800)
    assert two.payloads[0].request.run == "HELLO.EXE /PC:pc02 /ROOM:shop"
    assert two.payloads[1].request == one.payloads[0].request
    assert two.payloads[1].request.part_size == 1 << 20
    assert two.say == "Switch on pc02 (shelf 4) {now}"
    assert two.directory == r"C:\OTHER"
    assert two.power == BenchPower(on=("power", "pc02", "on"), timeout=5)
    assert three.payloads[0].request.options == (("top-p", "0.5"), ("steps", "9"))
    assert three.payloads[0].request.files == (Path("/lab/model.bin"),)


def test_targets_are_picked_by_name_and_group() -> None:
    bench = parse(GOOD)
    assert [t.name for t in bench.select(("pc03",), ("slow",)).targets] == ["pc02", "pc03"]
    assert bench.select() == bench
    assert bench["pc02"].address == "192.168.1.12"
    with pytest.raises(WrongUse, match="--group nowhere: the bench has no such group"):
        bench.select((), ("nowhere",))


def test_the_example_is_a_good_bench_and_fits_the_schema() -> None:
    text = staging.example_bench()
    bench = parse(text)
    assert [target.name for target in bench.targets] == [f"pc0{n}" for n in range(1, 6)]
    assert all(target.simulated for target in bench.targets)
    assert all(p.request.files[0].is_file() for target in bench.targets for p in target.payloads)
    described = schema.json_schema()
    jsonschema.validate(tomllib.loads(text), described)
    jsonschema.validate(tomllib.loads(GOOD), described)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"payloads": {}, "targets": {"a": {"adress": "x"}}}, described)
    assert json.dumps(described)


def test_the_line_of_every_key_is_known() -> None:
    text = (
        'a = 1\n"b c".d = """\n[x]\n"""\n[t] # c\n\ne = [\n 1, # ]\n "]",\n]\n'
        "[[u]]\nf = {g = 1, h.i = '''\n'''}\n[[u]]\nf = 2\n[u.v]\nw = 1979-05-27T07:32:00Z\n"
    )
    tomllib.loads(text)
    assert locate.lines(text) == {
        ("a",): 1, ("b c",): 2, ("b c", "d"): 2, ("t",): 5, ("t", "e"): 7, ("t", "e", 0): 8,
        ("t", "e", 1): 9, ("u",): 11, ("u", 0): 11, ("u", 0, "f"): 12, ("u", 0, "f", "g"): 12,
        ("u", 0, "f", "h"): 12, ("u", 0, "f", "h", "i"): 12, ("u", 1): 14, ("u", 1, "f"): 15,
        ("u", 1, "v"): 16, ("u", 1, "v", "w"): 17,
    }  # fmt: skip
    assert locate.line_of(locate.lines(text), ("t", "missing", 3)) == 5


# --- malformed files: what is replaced in GOOD, the line, the key, and words of the remedy

BY_HAND = [
    ('address = "192.168.1.11"', "address = 192.168.1.11", 34, "address", "quotes"),
    ('address = "192.168.1.11"', 'adress = "192.168.1.11"', 34, "targets.pc01.adress", "address?"),
    ('address = "192.168.1.11"', "", 33, "targets.pc01", 'add address = "192.168.1.11"'),
    ('"192.168.1.11"', '"192.168.1.256"', 34, "targets.pc01.address", "write it as 192.168.1.11"),
    ('"192.168.1.11"', '"pc01.local"', 34, "targets.pc01.address", "write it as 192.168.1.11"),
    ('"192.168.1.11"', '"192.168.1"', 34, "targets.pc01.address", "write it as 192.168.1.11"),
    ('"192.168.1.11"', '"192.168.1.1"', 34, "targets.pc01.address", "each machine its own"),
    ('"192.168.1.11"', '"192.168.1.12"', 38, "targets.pc02.address", "each machine its own"),
    ('"192.168.1.11"', '"10.0.0.11"', 34, "targets.pc01.address", "change wire.address"),
    ('"192.168.1.11"', "17", 34, "targets.pc01.address", "write it as 192.168.1.11"),
    ("00-50-56-00-00-AB", "00-50-56-00-00", 35, "targets.pc01.mac", "six pairs of hex digits"),
    ("00-50-56-00-00-AB", "00-50-56-00-00-ZZ", 35, "targets.pc01.mac", "six pairs"),
    ('"00-50-56-00-00-AB"', "5056", 35, "targets.pc01.mac", "six pairs"),
    ("[targets.pc01]", '[targets."pc 01"]', 33, "targets.pc 01", "letters, digits"),
    ("[targets.pc01]", '[targets."-"]', 33, "targets.-", "letters, digits"),
    ("[targets.pc01]", "[target.pc01]", 33, "target", "did you mean targets?"),
    ("[targets.pc01]", "[targets.pc02]", 37, "[targets.pc02]", "correct this line"),
    ("[targets.pc01]", "[targets.pc01", 33, "[targets.pc01", "correct this line"),
    ('["slow", "workshop"]', '["slow", "shop"]', 39, "targets.pc02.groups[2]", "add [groups.shop]"),
    ('["slow", "workshop"]', '"slow"', 39, "targets.pc02.groups", "write a list of names"),
    ('["slow", "workshop"]', "[1]", 39, "targets.pc02.groups[1]", "letters, digits"),
    ('["story"]', '["tale"]', 46, "targets.pc03.payloads[1]", "add [payloads.tale]"),
    ('["story"]', "[]", 44, "targets.pc03", "add payloads"),
    ('["story"]', '["story", "story"]', 46, "targets.pc03.payloads[2]", "leave one out"),
    ('["story"]', '"story"', 46, "targets.pc03.payloads", "write a list of names"),
    ('["story"]', '["story"', 47, "(end of file)", "correct this line"),
    ("{name} (shelf", "{nme} (shelf", 40, "targets.pc02.say", "set it in vars"),
    ("{{now}}", "{now", 40, "targets.pc02.say", "brace itself is written twice"),
    ("/ROOM:{room}", "/ROOM:{rom}", 3, "payloads.hello.run", "use one of name, address"),
    (r"'C:\OTHER'", "'OTHER'", 41, "targets.pc02.to", r"C:\DEPLOY"),
    (r"'C:\OTHER'", '"C:\\OTHER"', 41, "to", "correct this line"),
    (r"'C:\OTHER'", r"'C:\A?B'", 41, "targets.pc02.to", ""),
    ("shelf = 4", "shelf = [4]", 42, "targets.pc02.vars.shelf", "names with texts"),
    ("shelf = 4", "shelf = true", 42, "targets.pc02.vars.shelf", "names with texts"),
    ('files = ["hello.bin"]', "", 1, "payloads.hello", "add files"),
    ('files = ["hello.bin"]', "files = []", 2, "payloads.hello.files", "write a list, such as"),
    ('files = ["hello.bin"]', 'files = "hello.bin"', 2, "payloads.hello.files", "write a list"),
    ('files = ["hello.bin"]', 'files = ["{x}"]', 2, "payloads.hello.files[1]", "set it in vars"),
    ('["hello.bin"]', '["a", 3]', 2, "payloads.hello.files[2]", "a text in quotes"),
    ('part_size = "1M"', 'part_size = "1G"', 8, "payloads.data.part_size", "write a size"),
    ('part_size = "1M"', "part_size = 5", 8, "payloads.data.part_size", "write a size"),
    ('part_size = "1M"', 'run = "X.EXE"', 7, "payloads.data.no_run", "leave one of them out"),
    ('part_size = "1M"', "options = {a = 1}", 8, "payloads.data.options", "leave them out"),
    ('part_size = "1M"', "no_run = true", 8, "no_run", "correct this line"),
    ("no_run = true", 'no_run = "yes"', 7, "payloads.data.no_run", "write true or false"),
    ("no_run = true", "always = 1", 7, "payloads.data.always", "write true or false"),
    ("steps = 9", "steps = [9]", 12, "payloads.story.options.steps", "texts or numbers"),
    ("retries = 1", "retries = -1", 17, "defaults.retries", "from 0 to 100"),
    ("retries = 1", "retries = 1.5", 17, "defaults.retries", "from 0 to 100"),
    ("retries = 1", "retrys = 1", 17, "defaults.retrys", "did you mean retries?"),
    ("retries = 1", "deadline = 0", 17, "defaults.deadline", "write seconds"),
    ("retries = 1", 'deadline = "1h"', 17, "defaults.deadline", "write seconds"),
    ("silence = 1800", "silence = true", 24, "groups.slow.silence", "write seconds"),
    ("timeout = 5", "timeout = -5", 21, "defaults.power.timeout", "write seconds"),
    ("timeout = 5", "cycle = []", 21, "defaults.power.cycle", "list of words"),
    ("timeout = 5", 'cycle = "reset"', 21, "defaults.power.cycle", "list of words"),
    ("timeout = 5", 'ofF = ["x"]', 21, "defaults.power.ofF", "did you mean off?"),
    ('"{name}", "on"', '"{pc}", "on"', 20, "defaults.power.on", "set it in vars"),
    ("[groups.slow]", "[groups]\nslow = 3\n[groups.fast]", 24, "groups.slow", "write a table"),
    (GOOD, "", 1, "(file)", "add a table [targets.NAME]"),
    (GOOD, "payloads = 1\n[targets]\n", 1, "payloads", "write a table"),
    (GOOD, "[payloads]\n[targets]\n", 2, "targets", "add a table [targets.NAME]"),
    ("[payloads.hello]", '[wire]\naddress = "192.168.1.1/33"\n[payloads.hello]', 2,
     "wire.address", "192.168.1.1/24"),
    ("[payloads.hello]", '[wire]\naddress = "192.168.1.0/24"\n[payloads.hello]', 2,
     "wire.address", "192.168.1.1/24"),
    ("[payloads.hello]", "[wire]\nftp_port = 70000\n[payloads.hello]", 2,
     "wire.ftp_port", "0 to 65535"),
    ("[payloads.hello]", "[wire]\nlink = 0\n[payloads.hello]", 2, "wire.link", "true or false"),
    ("[payloads.hello]", "[run]\njobs = 0\n[payloads.hello]", 2, "run.jobs", "1 to 1000"),
    ('"192.168.1.11"', '"192.168.1.11\\n"', 34, "targets.pc01.address", "write it as 192.168.1.11"),
    ('"192.168.1.11"', '"sim\\n"', 34, "targets.pc01.address", "sim to rehearse"),
    ('"192.168.1.11"', '"192.168.1.255"', 34, "targets.pc01.address", "another address"),
    ('"192.168.1.11"', '"192.168.1.0"', 34, "targets.pc01.address", "another address"),
    ('"192.168.1.11"', '"any\\n"', 34, "targets.pc01.address", "any, the PC's name"),
    ('"192.168.1.11"', '"any"', 35, "targets.pc01.mac", "or leave mac out"),
    ('"192.168.1.11"', '"224.0.0.1"', 34, "targets.pc01.address", "change wire.address"),
    ("[payloads.hello]", '[wire]\naddress = "192.168.1.1/24\\n"\n[payloads.hello]', 2,
     "wire.address", "192.168.1.1/24"),
    ("[payloads.hello]", '[wire]\naddress = "10.0.0.1"\n[payloads.hello]', 36,
     "targets.pc01.address", "change wire.address"),
    ('"00-50-56-00-00-AB"', '"00-50-56-00-00-AB\\n"', 35, "targets.pc01.mac", "six pairs"),
    ('"00-50-56-00-00-AB"', '"ff:ff:ff:ff:ff:ff"', 35, "targets.pc01.mac", "card's own"),
    ("[targets.pc01]", '[targets."pc01\\n"]', 33, "targets.pc01\\n", "letters, digits"),
    ("[targets.pc01]", '[targets."\\u001b[31m"]', 33, "targets.\\x1b[31m", "letters, digits"),
    ("retries = 1", '"\\u001b[2J" = 1', 17, "defaults.\\x1b[2J", "there are payloads"),
    ("retries = 1", "# \x01", 17, "# \\x01", "correct this line"),
    ("retries = 1", 'profile = "win3"', 17, "defaults.profile", "or give a .toml"),
    ("retries = 1", 'profile = "../x.toml"', 17, "defaults.profile", "Correct the file"),
    ("retries = 1", "retries = 99999999999999999999999", 17, "defaults.retries", "0 to 100"),
    ("retries = 1", "silence = inf", 17, "defaults.silence", "write seconds"),
    ("retries = 1", "silence = nan", 17, "defaults.silence", "write seconds"),
    ("retries = 1", "silence = 2024-01-01", 17, "defaults.silence", "write seconds"),
    ('part_size = "1M"', 'recipe = "tape"', 8, "payloads.data.recipe", "or give a .toml"),
    ('part_size = "1M"', 'part_size = "1"', 8, "payloads.data.part_size", 'part_size = "1M"'),
    ('["hello.bin"]', '["~nobody-here/x"]', 2, "payloads.hello.files[1]", "whole path"),
    ('["hello.bin"]', '["a\\u0000b"]', 2, "payloads.hello.files[1]", "a text in quotes"),
    ('["power", "{name}", "on"]', '["power", "\\u0000"]', 20, "defaults.power.on[2]", "a text"),
    ("shelf = 4", 'shelf = "\\u0000"', 42, "targets.pc02.vars.shelf", "names with texts"),
    (r"'C:\OTHER'", r'"C:\\OTHER\n"', 41, "targets.pc02.to", r"C:\DEPLOY"),
    ("retries = 1", f"retries = {'[' * 2000}{']' * 2000}", 17, "retries", "less deeply"),
    ("retries = 1", f"retries = {'{a=' * 900}1{'}' * 900}", 17, "retries", "less deeply"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "key", "remedy"), BY_HAND)
def test_a_malformed_file_is_answered_with_line_key_and_remedy(
    old: str, new: str, line: int, key: str, remedy: str
) -> None:
    assert old in GOOD
    with pytest.raises(WrongUse) as caught:
        parse(GOOD.replace(old, new, 1), "bench.toml")
    told = [re.fullmatch(r"bench\.toml, line (\d+): (.+?): (.*); (.+)", text)
            for text in caught.value.what.splitlines()]  # fmt: skip
    assert all(told), caught.value.what
    found = [(int(m[1]), m[2], m[4]) for m in told if m]
    assert any((a, b) == (line, key) and remedy in c for a, b, c in found), caught.value.what


@pytest.mark.parametrize("seed", range(60))
def test_a_randomly_damaged_file_is_read_or_answered(seed: int) -> None:
    rng = random.Random(seed)
    text = list(GOOD)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text))
        text[at] = rng.choice(["", '"', "]", "=", "\n", "{", "x", "[", "'", "9", "#", "\x00"])
    try:
        parse("".join(text), "bench.toml")
    except WrongUse as error:
        for line in error.what.split("\nbench.toml"):
            assert re.search(r", line \d+: .+: .+; .+", line, re.DOTALL), line


def test_the_message_stays_readable_however_long_the_value_is() -> None:
    with pytest.raises(WrongUse) as caught:
        parse(GOOD.replace("00-50-56-00-00-AB", "x" * 100_000))
    assert len(caught.value.what) < 300
    with pytest.raises(WrongUse) as caught:
        parse("x" * 100_000)
    assert len(caught.value.what) < 300


def test_a_file_of_notepad_may_begin_with_its_mark(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(GOOD, encoding="utf-8-sig")
    assert len(Bench.load(tmp_path / "bench.toml").targets) == 3


def test_own_profiles_lie_beside_the_bench_like_the_files(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('name = "own"\nmax_file = 1000\n', encoding="utf-8")
    text = GOOD.replace("retries = 1", 'profile = "own.toml"')
    (tmp_path / "bench.toml").write_text(text, encoding="utf-8")
    bench = Bench.load(tmp_path / "bench.toml")
    assert bench["pc01"].payloads[0].request.profile == str(tmp_path / "own.toml")


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="No such file"):
        Bench.load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"a = '\xe9'")
    with pytest.raises(WrongUse, match="cannot be read"):
        Bench.load(tmp_path / "latin.toml")
