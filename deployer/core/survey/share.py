"""A survey as it may be shown to anybody: no names, addresses, paths, serial numbers or tokens.

Nothing is taken out; what is known to be harmless is let in. Of a machine that are names of systems
and processors that are in a list, and numbers that many machines have. Of an answer that is what
its probe says itself: words of its own files and of what was expected, and small numbers; rates
have two digits that count. Every other word becomes `?`.

    survey-export=1
    system=Windows 98 4.10.1998
    cpu=GenuineIntel family 6 model 5 stepping 2
    cpu_mhz=350
    memory_mb=128
    disk_cluster=4096
    command.call-basic=pass
    command.goto-dot=differs
    command.goto-dot:OUT.TXT=one / ? / three
    end=<lines> <CRC-32 of all bytes before it>
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deployer.core.survey.judge import Judged, Verdict
from deployer.core.survey.messages import MESSAGES
from deployer.core.survey.probe import SurveyProbe
from deployer.core.survey.record import ProbeEnd, Survey, SurveyRefusedError

FIRST = "survey-export=1"
HIDDEN = "?"
_SYSTEMS = ("Windows 95", "Windows 98", "Windows Me", "Windows NT", "Windows")
_VENDORS = (
    "GenuineIntel", "AuthenticAMD", "CyrixInstead", "CentaurHauls", "GenuineTMx86", "NexGenDriven",
    "RiseRiseRise", "SiS SiS SiS", "Geode by NSC", "UMC UMC UMC", "unknown",
)  # fmt: skip
_FEATURES = ("fpu", "tsc", "cx8", "cmov", "mmx", "sse")
_CODE_PAGES = frozenset([
    "437", "720", "737", "775", "850", "852", "855", "857", "858", "860", "861", "862", "863",
    "864", "865", "866", "869", "874", "932", "936", "949", "950", "1250", "1251", "1252", "1253",
    "1254", "1255", "1256", "1257", "1258",
])  # fmt: skip
_PARTS = re.compile(r"[A-Za-z]+|[0-9]+|[^A-Za-z0-9]")
_SMALL = re.compile(r"-?[0-9]{1,5}(\.[0-9]{1,3})?")
_MARKS = frozenset(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
MOST_SHOWN = 400
"""Characters of an answer."""


@dataclass(frozen=True, slots=True)
class SharedSurvey:
    """What is shown: the machine, the verdict of each probe, answers that differ or were told."""

    machine: Mapping[str, str]
    verdicts: Mapping[str, Verdict]
    answers: Mapping[tuple[str, str], str] = field(default_factory=dict)


def export(survey: Survey, judged: Sequence[Judged]) -> SharedSurvey:
    """What of a survey may be shown."""
    answers = {}
    for one in judged:
        shown = one.differing if one.verdict is Verdict.DIFFERS else tuple(one.found)
        if one.verdict is Verdict.PASS:
            shown = one.probe.answers
        if one.verdict in (Verdict.DIFFERS, Verdict.TOLD, Verdict.PASS) or not one.probe.expected:
            for name in shown:
                if name in one.probe.expected or name in one.probe.answers:
                    key = (one.probe.identity, name)
                    answers[key] = harmless(one.found.get(name, ""), one.probe, name)
    return SharedSurvey(
        machine(survey.machine),
        {one.probe.identity: one.verdict for one in judged},
        answers,
    )


def machine(told: Mapping[str, str]) -> dict[str, str]:
    """What may be shown of a machine: only what is known to be a system, a processor, a size."""
    found: dict[str, str] = {}
    match = re.fullmatch(
        r"(.{1,12}) ([0-9]{1,2})\.([0-9]{1,3})\.([0-9]{1,5})", told.get("system", "")
    )
    if match and match[1] in _SYSTEMS:
        found["system"] = match[0]
    vendor, _, rest = told.get("cpu", "").partition(" family ")
    if vendor in _VENDORS and re.fullmatch(
        r"[0-9]{1,3} model [0-9]{1,3} stepping [0-9]{1,2}", rest
    ):
        found["cpu"] = f"{vendor} family {rest}"
    if (mhz := _number(told.get("cpu_mhz", ""), 9999)) is not None:
        found["cpu_mhz"] = str(mhz)
    features = [name for name in told.get("cpu_features", "").split() if name in _FEATURES]
    if features:
        found["cpu_features"] = " ".join(features)
    if (memory := _number(told.get("memory", ""), 1 << 32)) is not None:
        found["memory_mb"] = str(-(-memory // (4 << 20)) * 4)
    pages = told.get("codepage", "").split()
    if pages and set(pages) <= _CODE_PAGES:
        found["codepage"] = " ".join(pages)
    cluster = _number(told.get("disk_cluster", ""), 1 << 16)
    if cluster is not None and cluster & (cluster - 1) == 0:
        found["disk_cluster"] = str(cluster)
    return found


def harmless(text: str, probe: SurveyProbe, name: str = "") -> str:
    """An answer, of which a word stays when the probe has it, or when it is one small number.

    Of other words the letters stay that are words of the probe, no digit, and the marks. An answer
    whose name is that of a rate, in KB of a second, stays to two digits: memory reads more than
    the small numbers allow.
    """
    number = _number(text, 99_999_999) if name.endswith("_kb_s") else None
    if number is not None:
        return f"{float(f'{number:.2g}'):.0f}"
    known = _words_of(probe)
    lines = text.removesuffix("\n").split("\n")
    return " / ".join(" ".join(_word(word, known) for word in line.split(" ")) for line in lines)[
        :MOST_SHOWN
    ]


def _word(word: str, known: frozenset[str]) -> str:
    if word.lower() in known or _SMALL.fullmatch(word):
        return word
    parts = [
        part if part in _MARKS or (part.isalpha() and part.lower() in known) else HIDDEN
        for part in _PARTS.findall(word)
    ]
    return re.sub(r"\?{2,}", HIDDEN, "".join(parts))


def _words_of(probe: SurveyProbe) -> frozenset[str]:
    """The words of a probe, whole ones and the runs of letters in them, in small letters."""
    texts = [
        probe.command, *probe.files, *probe.folders, *probe.expected, *probe.expected.values(),
        *MESSAGES.values(), *probe.words, *ProbeEnd,
        *(data.decode("cp437") for name, data in probe.files.items() if name.endswith(".BAT")),
    ]  # fmt: skip
    return frozenset(
        word.lower()
        for text in texts
        for word in (*text.split(), *re.findall("[A-Za-z]+", text))
        if word.isascii() and word.isprintable()
    )


def write(shown: SharedSurvey) -> bytes:
    """The bytes of an export."""
    lines = [FIRST, *(f"{key}={value}" for key, value in shown.machine.items())]
    for identity, verdict in shown.verdicts.items():
        lines.append(f"{identity}={verdict}")
        lines += [
            f"{identity}:{name}={text}"
            for (probe, name), text in shown.answers.items()
            if probe == identity
        ]
    body = "".join(f"{line}\n" for line in lines).encode("ascii", "replace")
    return body + f"end={len(lines)} {zlib.crc32(body):08X}\n".encode()


def parse(data: bytes) -> SharedSurvey:
    """The export in these bytes. Raises SurveyRefusedError."""
    lines = data.decode("ascii", "replace").replace("\r", "").split("\n")
    body = "".join(f"{line}\n" for line in lines[:-2]).encode("ascii", "replace")
    sealed = f"end={len(lines) - 2} {zlib.crc32(body):08X}"
    if len(lines) < 3 or lines[0] != FIRST or lines[-2:] != [sealed, ""]:
        raise SurveyRefusedError("it was cut off or changed, or is no export")
    found: dict[str, str] = {}
    verdicts: dict[str, Verdict] = {}
    answers: dict[tuple[str, str], str] = {}
    for line in lines[1:-2]:
        key, mark, value = line.partition("=")
        probe, colon, name = key.partition(":")
        if not mark:
            raise SurveyRefusedError(f"it has a line {line[:20]}")
        if colon:
            answers[probe, name] = value
        elif "." in key:
            if value not in tuple(Verdict):
                raise SurveyRefusedError(f"{key} has no verdict")
            verdicts[key] = Verdict(value)
        else:
            found[key] = value
    return SharedSurvey(found, verdicts, answers)


def differing(one: SharedSurvey, other: SharedSurvey) -> Iterable[str]:
    """The probes on which two machines do not agree, as far as both were asked."""
    for identity, verdict in one.verdicts.items():
        against = other.verdicts.get(identity, Verdict.UNKNOWN)
        if Verdict.UNKNOWN in (verdict, against):
            continue
        mine = {name: text for (probe, name), text in one.answers.items() if probe == identity}
        its = {name: text for (probe, name), text in other.answers.items() if probe == identity}
        if verdict is not against or mine != its:
            yield identity


def _number(text: str, most: int) -> int | None:
    if re.fullmatch("[0-9]{1,10}", text) and int(text) <= most:
        return int(text)
    return None
