"""Reading the rules of nftables (`nft -j list ruleset`) and iptables (`iptables-save`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from deployer.core.wire.firewall import RETURN, Chain, FirewallCondition, FirewallRule, Ruleset

# ---- nftables


def parse_nft(text: str) -> Ruleset:
    """The ruleset of `nft -j list ruleset`. Raises ValueError."""
    items = json.loads(text)["nftables"] if text.strip() else []
    rules: dict[tuple[str, str], list[FirewallRule]] = {}
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


def _nft_rule(expressions: Sequence[Mapping[str, Any]]) -> list[FirewallRule]:
    conditions: list[FirewallCondition] = []
    for expression in expressions:
        kind, value = next(iter(expression.items()))
        match kind:
            case "match":
                conditions.append(_nft_match(value))
            case "accept" | "drop" | "return":
                return [FirewallRule(tuple(conditions), kind)]
            case "reject" | "queue":
                return [FirewallRule(tuple(conditions), "drop" if kind == "reject" else "maybe")]
            case "jump" | "goto":
                return [FirewallRule(tuple(conditions), f"{kind}:{value['target']}")]
            case "vmap":
                return _nft_map(conditions, value)
            case "counter" | "log" | "comment" | "notrack" | "mangle":
                continue
            case _:
                conditions.append(FirewallCondition("?"))
    return []


def _nft_map(conditions: list[FirewallCondition], value: Mapping[str, Any]) -> list[FirewallRule]:
    """`ct state vmap { established : accept, invalid : drop }` as one rule for each line."""
    data = value.get("data")
    if not isinstance(data, Mapping) or "set" not in data:
        return [FirewallRule((*conditions, FirewallCondition("?")), "maybe")]
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


def _nft_match(match: Mapping[str, Any]) -> FirewallCondition:
    left, values = match["left"], _nft_values(match["right"])
    name = "?"
    if "meta" in left:
        key = left["meta"]["key"]
        if key == "nfproto":  # chains of IPv6 alone are not read, so this is a question about IPv4
            return FirewallCondition("protocol", ("tcp",) if "ipv4" in (values or ()) else ())
        name = _NFT_META.get(key, "?")
    elif "payload" in left:
        payload = left["payload"]
        protocol = payload.get("protocol", "")
        if protocol in ("udp", "icmp", "icmpv6", "ip6", "sctp", "dccp"):
            return FirewallCondition("protocol", (protocol,))
        name = _NFT_PAYLOAD.get((protocol, payload.get("field", "")), "?")
    elif left == {"ct": {"key": "state"}}:
        name = "state"
    if values is None or match["op"] not in ("==", "!=", "in"):
        name = "?"
    return FirewallCondition(name, values or (), match["op"] == "!=")


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


def _iptables_rule(words: Sequence[str]) -> list[FirewallRule]:
    conditions: list[FirewallCondition] = []
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
            conditions.append(FirewallCondition(name, values, negated))
        elif word == "-m":
            if next(rest, "") not in _IPTABLES_MODULES:
                conditions.append(FirewallCondition("?"))
        elif word in ("-j", "-g"):
            return _iptables_action(conditions, word, next(rest, ""))
        elif word in _IPTABLES_IGNORED:
            next(rest, "")
        elif word.startswith("-"):
            conditions.append(FirewallCondition("?"))
        negated = False
    return []


def _iptables_action(
    conditions: list[FirewallCondition], word: str, target: str
) -> list[FirewallRule]:
    plain = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": RETURN}
    if target in ("LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TRACE"):
        return []
    action = plain.get(target) or f"{'jump' if word == '-j' else 'goto'}:{target}"
    return [FirewallRule(tuple(conditions), action)]


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
