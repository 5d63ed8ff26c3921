"""The bench: which old PCs there are, and what each gets. From TOML to frozen values, no I/O.

A target's values come from itself, else from its groups (a later one wins over an earlier), else
from the defaults. `{name}`, `{address}` and the variables are filled into commands, options, file
names and what is said.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deployer.bench import locate, schema, steps
from deployer.bench.schema import Problem
from deployer.bench.steps import AgentStep
from deployer.core.payload import plan
from deployer.core.target import gobat
from deployer.core.target.codepages import WESTERN
from deployer.core.wire import addresses as wire
from deployer.errors import DeployerError, WrongUse
from deployer.host import staging
from deployer.host.pull.compare import Comparison
from deployer.host.requests import AgentRow, Request
from deployer.model import (
    ANY,
    DEFAULT_HOST_ADDRESS,
    DEFAULT_TARGET_DIRECTORY,
    LINE,
    SIM,
    SIM_NAME,
    Gather,
    LineSettings,
    is_simulated,
)

_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class BenchWire:
    """This computer's end. `link` False: its address is there already and is left alone.

    With `dhcp` targets whose MAC is known get their addresses from here.
    """

    address: str = f"{DEFAULT_HOST_ADDRESS}/24"
    interface: str | None = None
    ftp_port: int = 21
    link: bool = True
    dhcp: bool = False

    @property
    def host(self) -> str:
        """Our address as the targets call it."""
        return self.address.partition("/")[0]


@dataclass(frozen=True, slots=True)
class BenchPower:
    """Commands that switch a target; empty ones are a human's business. `timeout` in seconds."""

    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    cycle: tuple[str, ...] = ()
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class BenchPayload:
    """A payload for one target, its variables filled in. `always`: sent although it is there.

    `wanted` is what the files of a pull are compared with, None for nothing.
    """

    name: str
    request: Request
    always: bool = False
    wanted: Comparison | None = None


BenchStep = BenchPayload | AgentStep


@dataclass(frozen=True, slots=True)
class BenchTarget:
    """An old PC of the bench, and what it gets, in order: payloads, then steps. Times are seconds.

    Its address may be `any`, for the one PC on the wire, a serial line (`line` says how that is
    set), or a name, until it is known (`located`). With `stay` an agent goes along with what is
    pushed.
    `silence` is how long it may be quiet once it has called, `deadline` how long all of it may
    take, `backoff` the wait before the first retry; it doubles with each further one.
    """

    name: str
    address: str
    mac: str = ""
    groups: tuple[str, ...] = ()
    payloads: tuple[BenchPayload, ...] = ()
    steps: tuple[BenchStep, ...] = ()
    stay: bool = False
    directory: str = DEFAULT_TARGET_DIRECTORY
    retries: int = 2
    backoff: float = 5.0
    silence: float = 900.0
    deadline: float = 14_400.0
    say: str = ""
    power: BenchPower = field(default_factory=BenchPower)
    line: LineSettings = field(default_factory=LineSettings)
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def simulated(self) -> bool:
        """Whether it is a simulated PC; each of a bench is one of its own."""
        return is_simulated(self.address)

    @property
    def anyone(self) -> bool:
        """Whether it is whoever is on the wire."""
        return self.address == ANY

    @property
    def on_line(self) -> bool:
        """Whether it is at the end of a serial line: nothing of it is on the wire."""
        return self.address.startswith(LINE)

    @property
    def named(self) -> bool:
        """Whether its address is a name as yet."""
        known = self.simulated or self.anyone or self.on_line
        return not (known or re.fullmatch(r"[0-9.]+", self.address))

    @property
    def work(self) -> tuple[BenchStep, ...]:
        """All that is done with it, in order."""
        return self.payloads + self.steps


@dataclass(frozen=True, slots=True)
class Bench:
    """A whole bench. `source` is the file that it was read from, "" for none."""

    targets: tuple[BenchTarget, ...]
    wire: BenchWire = field(default_factory=BenchWire)
    jobs: int = 32
    source: str = ""

    @classmethod
    def load(cls, path: str | Path) -> Bench:
        """The bench of a file. Raises WrongUse with every mistake, its line, key and remedy."""
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8-sig")  # Notepad marks what it writes
        except (OSError, UnicodeDecodeError) as error:
            raise WrongUse(
                what=f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}).",
                remedy="Write a commented example with: deployer provision BENCH.toml --init",
            ) from error
        return parse(text, str(path), path.resolve().parent)

    @classmethod
    def of(cls, *targets: BenchTarget, wire: BenchWire | None = None, jobs: int = 32) -> Bench:
        """A bench made in Python."""
        return cls(tuple(targets), wire or BenchWire(), jobs)

    def __getitem__(self, name: str) -> BenchTarget:
        for target in self.targets:
            if target.name == name:
                return target
        raise KeyError(name)

    def located(self, names: Mapping[str, str], agents: Sequence[AgentRow]) -> Bench:
        """With the addresses of PCs that are named: a name that its user gave, or an agent's.

        Raises WrongUse for a name that nobody has, and for one PC that stands here twice.
        """
        targets = tuple(
            replace(target, address=_located(target, names, agents)) if target.named else target
            for target in self.targets
        )
        seen: dict[str, str] = {}
        for target in targets:
            if target.address in seen:
                raise WrongUse(
                    what=f"targets.{target.name}: it is the same PC as {seen[target.address]}, "
                    f"at {target.address}.",
                    remedy="Leave one of them out.",
                )
            seen[target.address] = target.name
        return replace(self, targets=targets)

    def select(self, only: Sequence[str] = (), groups: Sequence[str] = ()) -> Bench:
        """Only these targets and groups; all when none is named. Raises WrongUse for unknown."""
        known = {target.name for target in self.targets}
        known_groups = {group for target in self.targets for group in target.groups}
        for kind, asked, there in (("--only", only, known), ("--group", groups, known_groups)):
            for name in asked:
                if name not in there:
                    raise WrongUse(
                        what=f"{kind} {name}: the bench has no such "
                        f"{'target' if kind == '--only' else 'group of targets'}.",
                        remedy=f"There are: {', '.join(sorted(there)) or 'none'}.",
                    )
        if not only and not groups:
            return self
        chosen = tuple(t for t in self.targets if t.name in only or set(t.groups) & set(groups))
        return Bench(chosen, self.wire, self.jobs, self.source)


def _located(target: BenchTarget, names: Mapping[str, str], agents: Sequence[AgentRow]) -> str:
    word = target.address.lower()
    given = {name.lower(): address for name, address in names.items()}
    if word in given:
        return given[word]
    found = [row for row in agents if word in (row.name.lower(), row.agent.lower())]
    if not found:
        raise WrongUse(
            what=f"targets.{target.name}.address: no PC and no agent is called {target.address}.",
            remedy=f"Name it with: deployer name ADDRESS {target.address}",
        )
    row = max(found, key=lambda row: (row.here, row.heard))
    return row.target if is_simulated(row.target) or not row.address else row.address


def parse(text: str, source: str = "bench.toml", folder: Path | None = None) -> Bench:
    """The bench of a TOML text; files are relative to `folder`. Raises WrongUse as `load` does."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Before Python 3.14 the line is nowhere but in these words; without it, take the last line.
        line = re.search(r"line (\d+)", str(error))
        number = int(line[1]) if line else text.count("\n") + 1
        said = str(error).partition(" (at ")[0]
        key = _key_on(text, number)
        raise _refused(
            source, [(number, key, said, "correct this line (texts stand in quotes)")]
        ) from error
    except RecursionError:
        number = _deepest(text)
        told = (number, _key_on(text, number), "too many brackets", "write it less deeply nested")
        raise _refused(source, [told]) from None
    found = list(schema.problems(table))
    if not found:
        reader = _Reader(table, folder or Path())
        bench = reader.bench(source)
        found = reader.found
        if not found:
            return bench
    where = locate.lines(text)
    raise _refused(
        source,
        sorted((locate.line_of(where, p.path), _dotted(p.path), p.what, p.remedy) for p in found),
    )


def _refused(source: str, found: Sequence[tuple[int, str, str, str]]) -> WrongUse:
    lines = [
        f"{source}, line {line}: {_plain(key)}: {_plain(what)}; {todo}"
        for line, key, what, todo in found
    ]
    count = f"{len(lines)} mistakes" if len(lines) > 1 else "1 mistake"
    return WrongUse(
        what="\n".join(lines),
        remedy=f"Correct {count}; a commented example comes from: deployer provision FILE --init",
    )


_LONGEST = 120


def _plain(text: str) -> str:
    """What stands in the file may hold anything; a message is one short line without controls."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: _LONGEST + 1])
    return f"{shown[:_LONGEST]}..." if len(shown) > _LONGEST else shown


def _deepest(text: str) -> int:
    """The line with the most brackets."""
    counts = [line.count("[") + line.count("{") for line in text.splitlines()]
    return counts.index(max(counts)) + 1


def _key_on(text: str, number: int) -> str:
    line = (text.splitlines() or [""])[min(number, text.count("\n") + 1) - 1 :][:1]
    key = (line[0] if line else "").partition("=")[0].strip()
    return key or "(end of file)"


def _dotted(path: locate.Path) -> str:
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "(file)"


class _Reader:
    """From a table that fits the structs to values; what does not make sense goes to `found`."""

    def __init__(self, table: Mapping[str, Any], folder: Path) -> None:
        self.table = table
        self.folder = folder
        self.found: list[Problem] = []

    def bench(self, source: str) -> Bench:
        if not self.table["targets"]:
            self._complain(("targets",), "there is no target", "add a table [targets.NAME]")
        own = self._wire()
        targets = [self._target(name) for name in self.table["targets"]]
        self._refuse_twins(targets, own)
        jobs = self.table.get("run", {}).get("jobs", 32)
        return Bench(tuple(targets), own, jobs, source)

    def _complain(self, path: locate.Path, what: str, remedy: str) -> None:
        problem = Problem(path, what, remedy)
        if problem not in self.found:
            self.found.append(problem)

    def _wire(self) -> BenchWire:
        given = self.table.get("wire", {})
        made = BenchWire(**given)
        if not made.host.startswith("127."):
            with self._telling(("wire", "address")):
                wire.parse_address(made.address)
        return made

    def _telling(self, path: locate.Path) -> _Telling:
        return _Telling(self, path)

    def _target(self, name: str) -> BenchTarget:
        own = self.table["targets"][name]
        layers = self._layers(name, own)
        here: locate.Path = ("targets", name)
        variables = {"name": name, "address": own["address"]}
        for _path, layer in layers:
            variables |= {key: str(value) for key, value in layer.get("vars", {}).items()}
        merged = {key: (path, layer[key]) for path, layer in layers for key in layer}

        def value(key: str, usual: Any) -> Any:
            return merged[key][1] if key in merged else usual

        self._mac(own.get("mac", ""), (*here, "mac"))
        profile, page = self._profile(merged)
        path, to = merged.get("to", (here, DEFAULT_TARGET_DIRECTORY))
        with self._telling((*path, "to")):
            to = gobat.parse_directory(to, page)
            if value("stay", False):
                gobat.refuse_agent(to)
        usual = LineSettings()
        return BenchTarget(
            name=name,
            address=self._simulated(name) if own["address"] == SIM else own["address"],
            mac=own.get("mac", "").lower().replace("-", ":"),
            groups=tuple(own.get("groups", ())),
            payloads=self._payloads(merged, here, profile, variables),
            steps=self._steps(merged, to, profile, variables),
            stay=value("stay", False),
            directory=to,
            retries=value("retries", 2),
            backoff=float(value("backoff", 5.0)),
            silence=float(value("silence", 900.0)),
            deadline=float(value("deadline", 14_400.0)),
            say=self._filled(value("say", ""), variables, (*merged.get("say", (here,))[0], "say")),
            power=self._power(layers, variables),
            line=LineSettings(value("speed", usual.speed), value("flow", usual.flow)),
            variables=variables,
        )

    def _simulated(self, name: str) -> str:
        """Each simulated PC of a bench is one of its own, called as the target is."""
        address = f"{SIM}:{name.lower()}"
        if not re.fullmatch(SIM_NAME, address):
            self._complain(
                ("targets", name),
                "a simulated PC cannot have this name",
                "use letters, digits and hyphens, up to 31, such as pc01",
            )
        return address

    def _mac(self, mac: str, path: locate.Path) -> None:
        pairs = re.split("[:-]", mac)
        if mac and (int(pairs[0], 16) & 1 or not any(int(pair, 16) for pair in pairs)):
            self._complain(path, f"no machine has the MAC {mac}", "write its network card's own")

    def _profile(self, merged: Mapping[str, tuple[locate.Path, Any]]) -> tuple[str, int]:
        """The profile's name and its code page."""
        path, layer = merged.get("profile", ((), Request(()).profile))
        name = self._beside(layer)
        with self._telling((*path, "profile")):
            return name, staging.profile_of(Request((), profile=name)).codepage
        return name, WESTERN

    def _beside(self, name: str) -> str:
        """A recipe or profile: one of ours by its name, or a file beside the bench."""
        return str(self.folder / name) if name.endswith(".toml") else name

    def _layers(
        self, name: str, own: Mapping[str, Any]
    ) -> list[tuple[locate.Path, Mapping[str, Any]]]:
        """The tables that the target's values come from, the last wins."""
        groups = self.table.get("groups", {})
        layers: list[tuple[locate.Path, Mapping[str, Any]]] = [
            (("defaults",), self.table.get("defaults", {}))
        ]
        for number, group in enumerate(own.get("groups", ())):
            if group not in groups:
                there = ", ".join(groups) or "none yet"
                self._complain(
                    ("targets", name, "groups", number),
                    f"there is no group {group}",
                    f"add [groups.{group}], or name one of: {there}",
                )
            layers.append((("groups", group), groups.get(group, {})))
        return [*layers, (("targets", name), own)]

    def _power(
        self, layers: Sequence[tuple[locate.Path, Mapping[str, Any]]], variables: Mapping[str, str]
    ) -> BenchPower:
        made: dict[str, Any] = {}
        for path, layer in layers:
            for key, given in layer.get("power", {}).items():
                if key == "timeout":
                    made[key] = float(given)
                else:
                    place = (*path, "power", key)
                    made[key] = tuple(self._filled(word, variables, place) for word in given)
        return BenchPower(**made)

    def _payloads(
        self,
        merged: Mapping[str, tuple[locate.Path, Any]],
        here: locate.Path,
        profile: str,
        variables: Mapping[str, str],
    ) -> tuple[BenchPayload, ...]:
        path, names = merged.get("payloads", (here, ()))
        if not names and not any(merged.get(key, (here, ()))[1] for key in ("steps", "pull")):
            self._complain(
                here, "it gets no payload", 'add payloads = ["NAME"] here or in defaults'
            )
        made = []
        for number, name in enumerate(names):
            place = (*path, "payloads", number)
            if names.index(name) != number:
                self._complain(place, f"{name} stands here twice", "leave one out")
            made += self._named(name, place, profile, variables)
        return tuple(made)

    def _named(
        self, name: str, place: locate.Path, profile: str, variables: Mapping[str, str]
    ) -> list[BenchPayload]:
        """The payload of that name; none, and a complaint, where there is none."""
        known = self.table["payloads"]
        if name in known:
            return [self._payload(name, known[name], profile, variables)]
        self._complain(
            place,
            f"there is no payload {name}",
            f"add [payloads.{name}], or name one of: {', '.join(known) or 'none yet'}",
        )
        return []

    def _steps(
        self,
        merged: Mapping[str, tuple[locate.Path, Any]],
        directory: str,
        profile: str,
        variables: Mapping[str, str],
    ) -> tuple[BenchStep, ...]:
        path, tables = merged.get("steps", ((), ()))
        each = [((*path, "steps", number), given) for number, given in enumerate(tables)]
        path, pulls = merged.get("pull", ((), ()))
        each += [((*path, "pull", n), steps.of_pull(given)) for n, given in enumerate(pulls)]
        made: list[BenchStep] = []
        for place, given in each:
            if (wrong := steps.problem(given)) is not None:
                key, what, remedy = wrong
                self._complain((*place, key) if key else place, what, remedy)
                continue
            filled = {
                key: self._filled(value, variables, (*place, key)) if type(value) is str else value
                for key, value in given.items()
            }
            for key in {"stdin", "screen", "out", "same_as"} & set(filled):
                filled[key] = self._file(filled[key], (*place, key))
            if "push" in given:
                made += self._named(filled["push"], (*place, "push"), profile, variables)
            elif "pull" in given:
                made.append(_pull(filled, profile))
            else:
                made.append(steps.of_table(filled, directory))
        return tuple(made)

    def _payload(
        self, name: str, given: Mapping[str, Any], profile: str, variables: Mapping[str, str]
    ) -> BenchPayload:
        path: locate.Path = ("payloads", name)
        if "run" in given and "recipe" in given:
            self._complain((*path, "recipe"), "run stands here as well", "leave one of them out")
        if given.get("no_run") and ("run" in given or "recipe" in given):
            self._complain((*path, "no_run"), "something is to be run", "leave one of them out")
        if "options" in given and ("run" in given or given.get("no_run")):
            self._complain((*path, "options"), "options belong to a recipe", "leave them out")
        if "files" not in given and {"run", "recipe", "no_run"} & given.keys():
            self._complain(path, "it has no files", "add files")
        recipe = self._beside(given.get("recipe", ""))
        if recipe:
            with self._telling((*path, "recipe")):
                staging.check_recipe(recipe)
        size = None
        if "part_size" in given:
            with self._telling((*path, "part_size")):
                size = plan.parse_size(given["part_size"])
        files = (
            self._file(self._filled(file, variables, place), place)
            for number, file in enumerate(given.get("files", ()))
            for place in [(*path, "files", number)]
        )
        options = (
            (key.replace("_", "-"), self._filled(str(value), variables, (*path, "options", key)))
            for key, value in given.get("options", {}).items()
        )
        request = Request(
            files=tuple(files) or (staging.sample_model(),),
            run=self._filled(given.get("run", ""), variables, (*path, "run")),
            recipe=recipe,
            no_run=given.get("no_run", False),
            options=tuple(options),
            part_size=size,
            profile=profile,
        )
        return BenchPayload(name, request, given.get("always", False))

    def _file(self, name: str, path: locate.Path) -> Path:
        try:
            return self.folder / Path(name).expanduser()
        except RuntimeError:
            self._complain(path, f"nobody knows whose home {name} is", "write the whole path")
            return Path(name)

    def _filled(self, text: str, variables: Mapping[str, str], path: locate.Path) -> str:
        """The text with its `{variables}` filled in; `{{` and `}}` are braces."""

        def put(match: re.Match[str]) -> str:
            if match[0] in ("{{", "}}"):
                return match[0][0]
            if match[1] in variables:
                return variables[match[1]]
            there = ", ".join(variables)
            self._complain(
                path,
                f"{match[0]} is no variable",
                f"set it in vars, or use one of {there} (a brace itself is written twice)",
            )
            return ""

        return _FIELD.sub(put, text)

    def _refuse_twins(self, targets: Sequence[BenchTarget], own: BenchWire) -> None:
        seen: dict[str, str] = {own.host: "this computer"}
        here = own.address if "/" in own.address else f"{own.address}/24"
        network = ipaddress.IPv4Interface(here).network
        for target in targets:
            for key, value in (("address", target.address), ("mac", target.mac)):
                if value and value in seen:
                    self._complain(
                        ("targets", target.name, key),
                        f"{value} is that of {seen[value]} already",
                        "give each machine its own",
                    )
                seen.setdefault(value, target.name)
            if (target.anyone or target.on_line) and target.mac:
                self._complain(
                    ("targets", target.name, "mac"),
                    "the machine of no address can be asked for it",
                    "write its address, or leave mac out",
                )
            if target.simulated or target.anyone or target.on_line or target.named:
                continue
            place = ("targets", target.name, "address")
            address = ipaddress.IPv4Address(target.address)
            if address not in network:
                self._complain(
                    place,
                    f"{target.address} does not stand in the wire's subnet {network}",
                    "give it an address there, or change wire.address",
                )
            elif network.prefixlen < 31 and address in (network[0], network[-1]):
                self._complain(
                    place,
                    f"no machine of the subnet {network} can have {target.address}",
                    "give it another address there",
                )


def _pull(given: Mapping[str, Any], profile: str) -> BenchPayload:
    """The step that pulls, and what is compared; its files are paths already."""
    gather = Gather(given["pull"], str(given["out"]), keep=True)
    request = Request((), profile=profile, gather=gather)
    sums = tuple(given.get("sha256", {}).items())
    wanted = Comparison(given.get("same_as"), sums, given.get("expect", ""))
    compared = None if wanted == Comparison() else wanted
    return BenchPayload(f"pull {given['pull']}", request, always=True, wanted=compared)


_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*) (\S+)")


def _as_key(option: re.Match[str]) -> str:
    """`--part-size 1M` as it stands in a bench file."""
    return f'{option[1].replace("-", "_")} = "{option[2]}"'


class _Telling:
    """Turns an error of the checks that others make into a problem with a place."""

    def __init__(self, reader: _Reader, path: locate.Path) -> None:
        self._reader = reader
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, DeployerError):
            self._reader._complain(  # noqa: SLF001  one room
                self._path,
                re.sub(r"^--\S+ ", "", error.what).rstrip("."),
                _OPTION.sub(_as_key, error.remedy.rstrip(".")),
            )
            return True
        return False
