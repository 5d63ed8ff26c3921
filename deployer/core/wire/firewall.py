"""What a firewall would do with the packets that a deployment needs: rules in, a verdict out.

Rules of nftables and iptables come in one form (`firewall_rules` reads them), and a packet is
walked through them. A condition that is not understood matches perhaps; where the
verdict hangs on it, it is `maybe`, and nobody is frightened by a guess.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

FirewallVerdict = Literal["accept", "drop", "maybe"]
Match = Literal["yes", "no", "maybe"]

RETURN = "return"
_GO_ON = "go on"
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
class FirewallCondition:
    """`field` is (or, `negated`, is not) one of `values`; a field "?" is not understood."""

    field: str
    values: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """When all conditions hold: accept, drop, return, or go on in the chain `jump:NAME`."""

    conditions: tuple[FirewallCondition, ...]
    action: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules in order. `hook` is "" for a chain that is only jumped to."""

    owner: str
    name: str
    hook: str = ""
    priority: int = 0
    policy: str = "accept"
    rules: tuple[FirewallRule, ...] = ()


@dataclass(frozen=True, slots=True)
class FirewallOutcome:
    """The verdict, and the chain that gave it ("" for none)."""

    verdict: FirewallVerdict
    owner: str = ""
    chain: str = ""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All chains of a system, whoever wrote them."""

    chains: tuple[Chain, ...] = ()

    def judge(self, packet: Packet) -> FirewallOutcome:
        """What happens to the packet: every chain on its hook must let it pass."""
        doubt = FirewallOutcome("accept")
        hooked = [c for c in self.chains if c.hook == packet.hook]
        for chain in sorted(hooked, key=lambda c: c.priority):
            ends = self._walk(chain, packet)
            verdicts = {chain.policy if end == RETURN else end for end in ends}
            if verdicts == {"drop"}:
                return FirewallOutcome("drop", chain.owner, chain.name)
            if verdicts != {"accept"} and doubt.verdict == "accept":
                doubt = FirewallOutcome("maybe", chain.owner, chain.name)
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
        return ends | {RETURN}

    def _act(self, chain: Chain, action: str, packet: Packet, depth: int) -> frozenset[str]:
        if not action.startswith(("jump:", "goto:")):
            return frozenset({action})
        kind, _, name = action.partition(":")
        below = next((c for c in self.chains if (c.owner, c.name) == (chain.owner, name)), None)
        if below is None or depth > _DEPTH:
            return frozenset({"maybe"})
        ends = self._walk(below, packet, depth + 1)
        if kind == "jump" and RETURN in ends:
            return ends - {RETURN} | {_GO_ON}
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


def _all(conditions: Sequence[FirewallCondition], packet: Packet) -> Match:
    found: Match = "yes"
    for condition in conditions:
        match = _one(condition, packet)
        if match == "no":
            return "no"
        if match == "maybe":
            found = "maybe"
    return found


def _one(condition: FirewallCondition, packet: Packet) -> Match:
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
