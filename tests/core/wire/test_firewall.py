"""What rules do with a packet: cases as iptables-save and nft print them."""

from __future__ import annotations

import json

import pytest

from deployer.core.wire import firewall, firewall_rules

PACKETS = firewall.needed("eth0", "192.168.1.1", "192.168.1.2")
IN = PACKETS["FTP, port 21 in"]
OUT = PACKETS["the data connections out"]

HEAD = "*filter\n:INPUT {}\n:OUTPUT ACCEPT [0:0]\n:MINE - [0:0]\n"
IPTABLES = {
    "nothing": ("ACCEPT", "", "accept"),
    "policy": ("DROP", "", "drop"),
    "port": ("ACCEPT", "-A INPUT -p tcp -m tcp --dport 21 -j DROP", "drop"),
    "another port": ("ACCEPT", "-A INPUT -p tcp -m tcp --dport 22 -j DROP", "accept"),
    "range": ("ACCEPT", "-A INPUT -p tcp -m tcp --dport 1:1023 -j REJECT", "drop"),
    "udp": ("ACCEPT", "-A INPUT -p udp -j DROP", "accept"),
    "another interface": ("ACCEPT", "-A INPUT -i wlan+ -j DROP", "accept"),
    "all but this interface": ("ACCEPT", "-A INPUT ! -i eth0 -j DROP", "accept"),
    "our interface": ("DROP", "-A INPUT -i eth0 -j ACCEPT", "accept"),
    "source": ("DROP", "-A INPUT -s 192.168.1.0/24 -j ACCEPT", "accept"),
    "state": ("DROP", "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "drop"),
    "chain": ("ACCEPT", "-A INPUT -j MINE\n-A MINE -p tcp -j DROP", "drop"),
    "chain returns": ("ACCEPT", "-A INPUT -j MINE\n-A MINE -j RETURN\n-A MINE -j DROP", "accept"),
    "goto ends": ("DROP", "-A INPUT -g MINE\n-A INPUT -j ACCEPT", "drop"),
    "log": ("ACCEPT", '-A INPUT -m limit --limit 3/min -j LOG --log-prefix "[x y] "', "accept"),
    "comment": ("ACCEPT", '-A INPUT -m comment --comment "a -j DROP b" -j ACCEPT', "accept"),
    "not understood": ("ACCEPT", "-A INPUT -m recent --update -j DROP", "maybe"),
    "not understood, both ways": ("DROP", "-A INPUT -m recent --update -j DROP", "drop"),
    "unknown target": ("ACCEPT", "-A INPUT -p tcp -j TARPIT", "maybe"),
    "first wins": ("DROP", "-A INPUT -p tcp -j ACCEPT\n-A INPUT -j DROP", "accept"),
}


@pytest.mark.parametrize("case", IPTABLES)
def test_iptables(case: str) -> None:
    policy, rules, expected = IPTABLES[case]
    text = f"{HEAD.format(f'{policy} [0:0]')}{rules}\nCOMMIT\n"
    assert firewall_rules.parse_iptables(text).judge(IN).verdict == expected


def test_other_tables_are_not_the_filter() -> None:
    text = "*nat\n:INPUT DROP [0:0]\nCOMMIT\n"
    assert firewall_rules.parse_iptables(text).judge(IN).verdict == "accept"


def nft(*rules: dict, policy: str = "accept", hook: str = "input", family: str = "inet") -> str:
    chain = {
        "family": family, "table": "t", "name": "c", "type": "filter", "hook": hook,
        "prio": 0, "policy": policy,
    }  # fmt: skip
    lines = [{"chain": chain}]
    lines += [
        {"rule": {"family": family, "table": "t", "chain": "c", "expr": rule["expr"]}}
        for rule in rules
    ]
    return json.dumps({"nftables": [{"metainfo": {}}, *lines]})


def rule(*expressions: dict) -> dict:
    return {"expr": list(expressions)}


def match(left: dict, right: object, op: str = "==") -> dict:
    return {"match": {"op": op, "left": left, "right": right}}


DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
META = {key: {"meta": {"key": key}} for key in ("nfproto", "iifname", "mark")}
NFT = {
    "policy": (nft(policy="drop"), "drop"),
    "set": (nft(rule(match(DPORT, {"set": [20, 21]}), {"drop": None})), "drop"),
    "range": (nft(rule(match(DPORT, {"range": [1, 20]}), {"drop": None})), "accept"),
    "not": (nft(rule(match(DPORT, 21, "!="), {"drop": None})), "accept"),
    "prefix": (
        nft(
            rule(
                match(
                    {"payload": {"protocol": "ip", "field": "saddr"}},
                    {"prefix": {"addr": "192.168.0.0", "len": 16}},
                ),
                {"reject": {"type": "icmp"}},
            )
        ),
        "drop",
    ),
    "named set": (nft(rule(match(DPORT, "@open"), {"drop": None})), "maybe"),
    "ipv6 only": (nft(policy="drop", family="ip6"), "accept"),
    "output": (nft(policy="drop", hook="output"), "accept"),
    "vmap": (
        nft(
            rule({
                "vmap": {
                    "key": {"ct": {"key": "state"}},
                    "data": {"set": [["established", {"accept": None}], ["new", {"drop": None}]]},
                }
            })
        ),
        "drop",
    ),
    "counter": (nft(rule({"counter": {"packets": 0, "bytes": 0}}, {"drop": None})), "drop"),
    "limit": (nft(rule({"limit": {"rate": 5, "per": "second"}}, {"drop": None})), "maybe"),
    "jump to a chain that is not there": (nft(rule({"jump": {"target": "x"}})), "maybe"),
    "a program decides": (nft(rule({"queue": {"num": 0}})), "maybe"),
    "IPv4": (nft(rule(match(META["nfproto"], "ipv4"), {"drop": None})), "drop"),
    "not IPv4": (nft(rule(match(META["nfproto"], "ipv6"), {"drop": None})), "accept"),
    "interface": (nft(rule(match(META["iifname"], "eth0"), {"drop": None})), "drop"),
    "another interface": (nft(rule(match(META["iifname"], "wlan0"), {"drop": None})), "accept"),
    "mark": (nft(rule(match(META["mark"], 7), {"drop": None})), "maybe"),
    "udp": (
        nft(rule(match({"payload": {"protocol": "udp", "field": "dport"}}, 21), {"drop": None})),
        "accept",
    ),
    "another comparison": (nft(rule(match(DPORT, 1024, "<"), {"drop": None})), "maybe"),
    "nothing": ("", "accept"),
}  # fmt: skip


@pytest.mark.parametrize("case", NFT)
def test_nftables(case: str) -> None:
    text, expected = NFT[case]
    assert firewall_rules.parse_nft(text).judge(IN).verdict == expected


def test_the_way_out_is_another_chain() -> None:
    rules = firewall_rules.parse_nft(nft(policy="drop", hook="output"))
    assert rules.judge(OUT) == firewall.FirewallOutcome("drop", "nftables table inet t", "c")
