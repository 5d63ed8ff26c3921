"""Small DOS programs that the observed batch files call; their source is in the cases' README."""

from __future__ import annotations

from collections.abc import Mapping

TOOLS: Mapping[str, bytes] = {
    name: bytes.fromhex(code)
    for name, code in {
        "RC.COM": "be810031dbac3c0d74172c3072f73c0977f3b40089c1b80a00f7e301c889c3ebe488d8b44ccd21",
        "TAIL.COM": "b25bb402cd21be81008a0e8000b500e309ac88c2b402cd21e2f7ba2601b409cd21b8004ccd21"
        "5d0d0a24",
        "SAYCOM.COM": "ba0c01b409cd21b8154ccd2170726f6772616d20434f4d0d0a24",
        "SAYEXE.EXE": "4d5a3c0001000000020010001000000000010000000000001c000000000000000e1fba0e00"
        "b409cd21b8164ccd2170726f6772616d204558450d0a24",
    }.items()
}
"""RC N ends with code N, TAIL shows its command tail, the other two say what they are."""
