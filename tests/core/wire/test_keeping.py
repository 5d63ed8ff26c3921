"""What the facts about the wire mean while we serve."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.core.wire import keeping
from deployer.core.wire.addresses import Address, Interface
from deployer.core.wire.keeping import Rival

OURS = Address("192.168.1.1", 24)
WIRE = Interface("wire0", 5, "02:00:00:00:00:05", True, True, (OURS,))
RIVAL = Rival().heard("02:00:00:00:00:99")

STATES = {
    "as it was": (WIRE, Rival(), "ready"),
    "no cable": (replace(WIRE, carrier=False), Rival(), "ready"),
    "unplugged": (None, Rival(), "gone"),
    "unplugged while another had our address": (None, RIVAL, "gone"),
    "switched off": (replace(WIRE, up=False, carrier=False), Rival(), "off"),
    "the address removed": (replace(WIRE, addresses=()), Rival(), "bare"),
    "another machine has it": (WIRE, RIVAL, "taken"),
    "another machine has it, we do not": (replace(WIRE, addresses=()), RIVAL, "taken"),
    "plugged in again, off as yet": (
        replace(WIRE, index=9, up=False, addresses=()), Rival(), "bare",
    ),
    "plugged in again, with the address": (replace(WIRE, index=9), Rival(), "ready"),
}  # fmt: skip


@pytest.mark.parametrize("case", STATES)
def test_states(case: str) -> None:
    now, rival, expected = STATES[case]
    assert keeping.judge(now, WIRE, OURS, rival).state == expected


HOME = Interface("eth0", 2, "02:00:00:00:00:02", True, True, default_route=True)
KNOWN = {
    "the same": ([HOME, WIRE], "wire0"),
    "renamed": ([HOME, replace(WIRE, name="enx020000000005")], "enx020000000005"),
    "another MAC": ([HOME, replace(WIRE, mac="02:00:00:00:00:77")], "wire0"),
    "back under another name": ([HOME, replace(WIRE, index=9, name="usb1")], "usb1"),
    "back with another MAC": ([HOME, replace(WIRE, index=9, mac="02:00:00:00:00:77")], "wire0"),
    "its number is another's by now": ([replace(HOME, index=5)], None),
    "a bridge took its MAC": ([HOME, replace(WIRE, index=9, name="br0", virtual=True)], None),
    "gone": ([HOME], None),
}


@pytest.mark.parametrize("case", KNOWN)
def test_which_interface_it_is(case: str) -> None:
    interfaces, expected = KNOWN[case]
    found = keeping.find(interfaces, WIRE)
    assert (found.name if found else None) == expected


def test_a_rival_is_gone_after_some_questions_without_an_answer() -> None:
    rival = RIVAL
    for _ in range(3):
        rival = rival.asked()
        assert rival.mac
    assert not rival.asked().mac
    assert rival.heard("02:00:00:00:00:99").asked().mac
