"""What a firewall would do with the packets that a deployment needs: rules in, a verdict out.

Rules of nftables (`nft -j list ruleset`) and of iptables (`iptables-save`) are read into one form
and a packet is walked through them. A condition that is not understood matches perhaps; where the
verdict hangs on it, it is `maybe`, and nobody is frightened by a guess.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Verdict = Literal["accept", "drop", "maybe"]
Match = Literal["yes", "no", "maybe"]

_RETURN, _GO_ON = "return", "go on"
_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a connection. `hook` is "input" or "output"."""

    hook: str
    interface: str
    source: str
    destination: str
    source_port: int
    port: int
    protocol: str = "tcp"
    state: str = "new"


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` is (or, `negated`, is not) one of `values`; a field "?" is not understood."""

    field: str
    values: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """When all conditions hold: accept, drop, return, or go on in the chain `jump:NAME`."""

    conditions: tuple[Condition, ...]
    action: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules in order. `hook` is "" for a chain that is only jumped to."""

    owner: str
    name: str
    hook: str = ""
    priority: int = 0
    policy: str = "accept"
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict, and the chain that gave it ("" for none)."""

    verdict: Verdict
    owner: str = ""
    chain: str = ""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All chains of a system, whoever wrote them."""

    chains: tuple[Chain, ...] = ()

    def judge(self, packet: Packet) -> Outcome:
        """What happens to the packet: every chain on its hook must let it pass."""
        doubt = Outcome("accept")
        hooked = [c for c in self.chains if c.hook == packet.hook]
        for chain in sorted(hooked, key=lambda c: c.priority):
            ends = self._walk(chain, packet)
            verdicts = {chain.policy if end == _RETURN else end for end in ends}
            if verdicts == {"drop"}:
                return Outcome("drop", chain.owner, chain.name)
            if verdicts != {"accept"} and doubt.verdict == "accept":
                doubt = Outcome("maybe", chain.owner, chain.name)
        return doubt

    def _walk(self, chain: Chain, packet: Packet, depth: int = 0) -> frozenset[str]:
        """How the walk can end: accept, drop, maybe, or return at the chain's end.

        There are several ends where a rule that matches perhaps ends it one way.
        """
        ends: frozenset[str] = frozenset()
        for rule in chain.rules:
            match = _all(rule.conditions, packet)
            if match == "no":
                continue
            outcome = self._act(chain, rule.action, packet, depth)
            ends |= outcome - {_GO_ON}
            if match == "yes" and _GO_ON not in outcome:
                return ends
        return ends | {_RETURN}

    def _act(self, chain: Chain, action: str, packet: Packet, depth: int) -> frozenset[str]:
        if not action.startswith(("jump:", "goto:")):
            return frozenset({action})
        kind, _, name = action.partition(":")
        below = next((c for c in self.chains if (c.owner, c.name) == (chain.owner, name)), None)
        if below is None or depth > _DEPTH:
            return frozenset({"maybe"})
        ends = self._walk(below, packet, depth + 1)
        if kind == "jump" and _RETURN in ends:
            return ends - {_RETURN} | {_GO_ON}
        return ends


def needed(interface: str, host: str, target: str) -> Mapping[str, Packet]:
    """The packets without which no deployment works, by what they are for."""
    came = Packet("input", interface, target, host, 1025, 21)
    return {
        "FTP, port 21 in": came,
        "the data connections out": Packet("output", interface, host, target, 40000, 1026),
        "the data connections' answers in": replace(
            came, source_port=1026, port=40000, state="established"
        ),
        "the first page, port 80 in": replace(came, port=80),
    }


def _all(conditions: Sequence[Condition], packet: Packet) -> Match:
    found: Match = "yes"
    for condition in conditions:
        match = _one(condition, packet)
        if match == "no":
            return "no"
        if match == "maybe":
            found = "maybe"
    return found


def _one(condition: Condition, packet: Packet) -> Match:
    inward = packet.hook == "input"
    actual = {
        "in": packet.interface if inward else "",
        "out": "" if inward else packet.interface,
        "protocol": packet.protocol,
        "source": packet.source,
        "destination": packet.destination,
        "sport": str(packet.source_port),
        "dport": str(packet.port),
        "state": packet.state,
        "destination kind": "local" if inward else "unicast",
    }.get(condition.field)
    if actual is None:
        return "maybe"
    hit = any(_equal(condition.field, wanted, actual) for wanted in condition.values)
    return "yes" if hit != condition.negated else "no"


def _equal(kind: str, wanted: str, actual: str) -> bool:
    if kind in ("source", "destination"):
        try:
            return ipaddress.ip_address(actual) in ipaddress.ip_network(wanted, strict=False)
        except ValueError:
            return False
    if kind in ("sport", "dport"):
        low, _, high = wanted.partition("-")
        return low.isdecimal() and int(low) <= int(actual) <= int(high or low)
    if kind in ("in", "out") and wanted.endswith(("+", "*")):
        return actual.startswith(wanted[:-1])
    return wanted == actual


# ---- nftables


def parse_nft(text: str) -> Ruleset:
    """The ruleset of `nft -j list ruleset`. Raises ValueError."""
    items = json.loads(text)["nftables"] if text.strip() else []
    rules: dict[tuple[str, str], list[Rule]] = {}
    for item in items:
        if "rule" in item:
            rule = item["rule"]
            key = (_table(rule), rule["chain"])
            rules.setdefault(key, []).extend(_nft_rule(rule.get("expr", ())))
    chains = []
    for item in items:
        if "chain" in item and item["chain"]["family"] in ("ip", "inet"):
            chain = item["chain"]
            filters = chain.get("type") == "filter"
            chains.append(
                Chain(
                    owner=_table(chain),
                    name=chain["name"],
                    hook=chain.get("hook", "") if filters else "",
                    priority=chain.get("prio", 0),
                    policy=chain.get("policy", "accept"),
                    rules=tuple(rules.get((_table(chain), chain["name"]), ())),
                )
            )
    return Ruleset(tuple(chains))


def _table(item: Mapping[str, Any]) -> str:
    return f"nftables table {item['family']} {item['table']}"


def _nft_rule(expressions: Sequence[Mapping[str, Any]]) -> list[Rule]:
    conditions: list[Condition] = []
    for expression in expressions:
        kind, value = next(iter(expression.items()))
        match kind:
            case "match":
                conditions.append(_nft_match(value))
            case "accept" | "drop" | "return":
                return [Rule(tuple(conditions), kind)]
            case "reject" | "queue":
                return [Rule(tuple(conditions), "drop" if kind == "reject" else "maybe")]
            case "jump" | "goto":
                return [Rule(tuple(conditions), f"{kind}:{value['target']}")]
            case "vmap":
                return _nft_map(conditions, value)
            case "counter" | "log" | "comment" | "notrack" | "mangle":
                continue
            case _:
                conditions.append(Condition("?"))
    return []


def _nft_map(conditions: list[Condition], value: Mapping[str, Any]) -> list[Rule]:
    """`ct state vmap { established : accept, invalid : drop }` as one rule for each line."""
    data = value.get("data")
    if not isinstance(data, Mapping) or "set" not in data:
        return [Rule((*conditions, Condition("?")), "maybe")]
    rules = []
    for key, action in data["set"]:
        match = _nft_match({"op": "==", "left": value["key"], "right": key})
        rules += [replace(rule, conditions=(*conditions, match)) for rule in _nft_rule((action,))]
    return rules


_NFT_META = {"iifname": "in", "oifname": "out", "iif": "in", "oif": "out", "l4proto": "protocol"}
_NFT_PAYLOAD = {
    ("tcp", "dport"): "dport",
    ("tcp", "sport"): "sport",
    ("th", "dport"): "dport",
    ("th", "sport"): "sport",
    ("ip", "saddr"): "source",
    ("ip", "daddr"): "destination",
    ("ip", "protocol"): "protocol",
}


def _nft_match(match: Mapping[str, Any]) -> Condition:
    left, values = match["left"], _nft_values(match["right"])
    name = "?"
    if "meta" in left:
        key = left["meta"]["key"]
        if key == "nfproto":  # chains of IPv6 alone are not read, so this is a question about IPv4
            return Condition("protocol", ("tcp",) if "ipv4" in (values or ()) else ())
        name = _NFT_META.get(key, "?")
    elif "payload" in left:
        payload = left["payload"]
        protocol = payload.get("protocol", "")
        if protocol in ("udp", "icmp", "icmpv6", "ip6", "sctp", "dccp"):
            return Condition("protocol", (protocol,))
        name = _NFT_PAYLOAD.get((protocol, payload.get("field", "")), "?")
    elif left == {"ct": {"key": "state"}}:
        name = "state"
    if values is None or match["op"] not in ("==", "!=", "in"):
        name = "?"
    return Condition(name, values or (), match["op"] == "!=")


def _nft_values(right: Any) -> tuple[str, ...] | None:
    match right:
        case {"set": list(items)}:
            parts = [_nft_values(item) for item in items]
            return None if None in parts else tuple(v for part in parts if part for v in part)
        case list(items):
            return tuple(str(item) for item in items)
        case {"range": [low, high]}:
            return (f"{low}-{high}",)
        case {"prefix": {"addr": address, "len": length}}:
            return (f"{address}/{length}",)
        case str(name) if name.startswith("@"):
            return None
        case str() | int():
            return (str(right),)
    return None


# ---- iptables


def parse_iptables(text: str) -> Ruleset:
    """The chains of the filter table in the output of `iptables-save`."""
    chains: dict[str, Chain] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif table != "filter":
            continue
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            hook = {"INPUT": "input", "OUTPUT": "output"}.get(name, "")
            final = "drop" if policy == "DROP" else "accept"
            chains[name] = Chain("iptables", name, hook, 0, final)
        elif line.startswith("-A "):
            words = line.split()
            chain = chains.get(words[1])
            if chain is not None:
                rule = _iptables_rule(words[2:])
                chains[chain.name] = replace(chain, rules=(*chain.rules, *rule))
    return Ruleset(tuple(chains.values()))


_IPTABLES_FIELDS = {
    "-i": "in",
    "-o": "out",
    "-p": "protocol",
    "-s": "source",
    "-d": "destination",
    "--dport": "dport",
    "--sport": "sport",
    "--dports": "dport",
    "--sports": "sport",
    "--state": "state",
    "--ctstate": "state",
    "--dst-type": "destination kind",
}
_IPTABLES_IGNORED = ("--comment", "--reject-with", "--log-prefix", "--log-level")
_IPTABLES_MODULES = ("tcp", "multiport", "state", "conntrack", "comment", "addrtype")


def _iptables_rule(words: Sequence[str]) -> list[Rule]:
    conditions: list[Condition] = []
    negated = False
    rest = iter(_unquoted(words))
    for word in rest:
        if word == "!":
            negated = True
            continue
        if word in _IPTABLES_FIELDS:
            name = _IPTABLES_FIELDS[word]
            raw = next(rest, "").replace(":", "-") if "port" in name else next(rest, "")
            values = tuple(raw.lower().split(",")) if name != "in" else (raw,)
            conditions.append(Condition(name, values, negated))
        elif word == "-m":
            if next(rest, "") not in _IPTABLES_MODULES:
                conditions.append(Condition("?"))
        elif word in ("-j", "-g"):
            return _iptables_action(conditions, word, next(rest, ""))
        elif word in _IPTABLES_IGNORED:
            next(rest, "")
        elif word.startswith("-"):
            conditions.append(Condition("?"))
        negated = False
    return []


def _iptables_action(conditions: list[Condition], word: str, target: str) -> list[Rule]:
    plain = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": _RETURN}
    if target in ("LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TRACE"):
        return []
    action = plain.get(target) or f"{'jump' if word == '-j' else 'goto'}:{target}"
    return [Rule(tuple(conditions), action)]


def _unquoted(words: Sequence[str]) -> list[str]:
    """Words with `"a quoted text"` as one of them."""
    joined: list[str] = []
    open_quote = False
    for word in words:
        if open_quote:
            joined[-1] += f" {word}"
        else:
            joined.append(word)
        if word.count('"') % 2:
            open_quote = not open_quote
    return joined
