"""Steps of a bench that a target's agent carries out: runs, pictures, restarts and the like."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.core.agents.picture import png_of_bmp
from deployer.core.target.codepages import WESTERN_PAGES, CodePages
from deployer.errors import EXIT_PROGRAM, EXIT_VERIFY, DirectoryForbidden, PictureDamaged
from deployer.host.agents.errand import Errand, Noted, follow, give, restart, switch_off

_TOLD = 64 << 10
"""Characters of what a step printed that its result keeps: the last ones."""


@dataclass(frozen=True, slots=True)
class AgentStep:
    """One order for the agent, and what has to come of it.

    `words` are those of its verb (`core.agents.verbs`; TIME's stamp is that of the moment), `exit`
    and `expect` the exit code and the text that have to come. `carried` goes with it, `out` is
    where a picture lands, `patience` the seconds in which a restarted PC has to be back.
    """

    name: str
    words: tuple[str, ...]
    exit: int = 0
    expect: str = ""
    carried: Path | None = None
    out: Path | None = None
    patience: float = 300.0

    @property
    def verb(self) -> str:
        """The first of its words."""
        return self.words[0]

    @property
    def restarts(self) -> bool:
        """Whether the PC is to be restarted; that may be done once more, other orders may not."""
        return self.words == ("POWER", "reboot")


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a step: why it failed ("" when it did not), what that means, what was printed.

    `exit` is the exit code of the program that ran, None when none did.
    """

    reason: str = ""
    code: int = 0
    told: str = ""
    exit: int | None = None


_GOES_WITH: Mapping[str, tuple[str, ...]] = {
    "push": (), "pull": ("out", "same_as", "sha256", "expect"),
    "run": ("exit", "expect", "timeout", "stdin", "in"),
    "ls": ("expect",), "rm": ("force",), "screen": (), "input": (), "settime": (),
    "reboot": ("timeout",), "poweroff": ("timeout",),
}  # fmt: skip
"""Each verb of a step, and what may stand beside it."""


PULLED = "pulled/{name}"
"""Where the files go that `pull` names, where nothing else is said."""


def problem(given: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """What is wrong with a step's table: the key ("" for all of it), what, and the remedy."""
    verbs = [key for key in given if key in _GOES_WITH]
    if len(verbs) != 1:
        known = ", ".join(_GOES_WITH)
        what = f"{' and '.join(verbs)} stand in one step" if verbs else "it says not what to do"
        return "", what, f"write one of {known} in each"
    (verb,) = verbs
    if given[verb] is False:
        return verb, "a step that is not to be done", "leave it out"
    for key in given:
        if key not in (verb, *_GOES_WITH[verb]):
            beside = ", ".join(_GOES_WITH[verb]) or "nothing"
            return key, f"it says nothing to {verb}", f"leave it out; beside {verb} stands {beside}"
    if verb == "pull" and "out" not in given:
        return "", "nobody knows where the files go", 'add out = "FOLDER"'
    return None


def of_pull(given: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """The step that an entry of the key `pull` stands for."""
    return {"out": PULLED, **({"pull": given} if isinstance(given, str) else given)}


def of_table(given: Mapping[str, Any], directory: str) -> AgentStep:
    """The step of a table in which `problem` finds nothing; its files are paths already."""
    verb = next(key for key in given if key in _GOES_WITH)
    said = "" if given[verb] is True else f" {given[verb]}"
    limit = str(round(given.get("timeout", 0)))
    words = {
        "run": ("RUN", given.get("in", directory), limit, str(int("stdin" in given))),
        "ls": ("LS",), "rm": ("RM",), "screen": ("SCREEN",), "input": ("KEYS",),
        "settime": ("TIME",), "reboot": ("POWER", "reboot"), "poweroff": ("POWER", "off"),
    }[verb]  # fmt: skip
    if verb in ("run", "ls", "rm", "input"):
        words += (str(given[verb]),)
    if verb == "rm":
        words += (str(int(given.get("force", False))),)
    return AgentStep(
        name=verb + (f" {given[verb].name}" if verb == "screen" else said),
        words=words,
        exit=given.get("exit", 0),
        expect=given.get("expect", ""),
        carried=given.get("stdin"),
        out=given.get("screen"),
        patience=float(given.get("timeout", 300)),
    )


async def carry_out(asked: Errand, step: AgentStep, given: str, note: Noted) -> Came:
    """Have the agent do it. Raises the errors of orders.

    `given` is the order of an interrupted run that asked for this very step, "" for none; `note` is
    told the order before anything is waited for.
    """
    if step.restarts:
        row = await restart(asked, step.patience)
        return Came(told=f"{row.called} has started again ({row.boot}).")
    if step.verb == "POWER":
        await switch_off(asked, step.patience)
        return Came(told=f"{asked.agent.called} has said goodbye; Windows is down there.")
    words = step.words
    if step.verb == "TIME":
        words = ("TIME", time.strftime("%Y%m%d%H%M%S", time.localtime()))
    order = given or await give(asked, *words, carried=step.carried)
    await note(order)
    got: list[bytes] = []
    heard = await follow(asked, order, step.name, got.append, leave=True)
    pages = CodePages(asked.agent.codepage, asked.agent.oem_codepage)
    return judge(step, asked.agent.called, b"".join(got), heard.code, pages)


def judge(
    step: AgentStep, target: str, data: bytes, code: int, pages: CodePages = WESTERN_PAGES
) -> Came:
    """Whether what came is what was expected. Raises what a picture's file raises."""
    if step.verb == "SCREEN":
        assert step.out is not None
        _write(step.out, target, data)
        return Came(told=f"{step.out}: the screen of {target}")
    page = pages.oem if step.verb == "RUN" else pages.ansi
    told = data.decode(f"cp{page}", "replace").replace("\r", "")
    exit_code = code if step.verb == "RUN" else None
    kept = told[-_TOLD:]
    if exit_code is not None and exit_code != step.exit:
        why = f"the program ended with exit code {exit_code}, not {step.exit}"
        return Came(why, EXIT_PROGRAM, kept, exit_code)
    if step.expect not in told:
        last = (told.strip().splitlines() or ["nothing"])[-1]
        why = f"{step.expect!r} did not come; the last line was: {last[:120]}"
        return Came(why, EXIT_PROGRAM if step.verb == "RUN" else EXIT_VERIFY, kept, exit_code)
    return Came(told=kept, exit=exit_code)


def _write(out: Path, target: str, picture: bytes) -> None:
    """Write a picture, whole or not at all."""
    try:
        data = picture if out.suffix.lower() == ".bmp" else png_of_bmp(picture)
    except ValueError as error:
        raise PictureDamaged(target=target, why=error) from error
    fresh = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(data)
        fresh.replace(out)
    except OSError as error:
        raise DirectoryForbidden(path=out, why=error.strerror) from error
