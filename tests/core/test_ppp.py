"""pppd's command line for Direct Cable Connection, option by option."""

from __future__ import annotations

import shlex

import pytest

from deployer.core import ppp

LINE = ppp.arguments("/dev/ttyS0", 115_200, host="192.168.1.1", target="192.168.1.2", hardware=True)


def test_port_speed_and_both_addresses_stand_first() -> None:
    assert LINE[:3] == ("/dev/ttyS0", "115200", "192.168.1.1:192.168.1.2")


@pytest.mark.parametrize(
    ("hardware", "wanted", "unwanted"),
    [(True, "crtscts", "nocrtscts"), (False, "nocrtscts", "crtscts")],
)
def test_flow_control_is_always_said_and_never_both(
    hardware: bool, wanted: str, unwanted: str
) -> None:
    line = ppp.arguments("/dev/ttyS0", 9600, host="1.1.1.1", target="1.1.1.2", hardware=hardware)
    assert wanted in line
    assert unwanted not in line


def test_the_guests_call_is_answered_without_a_line_end() -> None:
    """What Windows calls and what it expects: facts E11."""
    chat = shlex.split(LINE[LINE.index("connect") + 1])  # pppd asks the shell
    assert chat[0] == "chat"
    assert chat[-2:] == ["CLIENT", "CLIENTSERVER\\c"]


@pytest.mark.parametrize(
    "option",
    [
        "local",  # a null-modem cable has no carrier
        "noauth",  # the guest has no name and no password
        "nodefaultroute",  # the host's own way out stays
        "nodetach",  # who started it can end it
        "persist",  # the guest may call again
    ],
)
def test_a_cable_without_modem_carrier_or_password_is_expected(option: str) -> None:
    assert option in LINE


@pytest.mark.parametrize(
    ("option", "value"),
    [("maxfail", "0"), ("lcp-echo-interval", "20"), ("lcp-echo-failure", "6")],
)
def test_a_dead_line_is_noticed_and_waited_for(option: str, value: str) -> None:
    assert LINE[LINE.index(option) + 1] == value
