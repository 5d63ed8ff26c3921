"""pppd's command line for Windows 98's Direct Cable Connection.

The guest side of Direct Cable Connection calls `CLIENT` over the null-modem cable and expects
`CLIENTSERVER`; then it speaks PPP (facts E11). So FTP goes over the cable as over a network card.
"""

from __future__ import annotations

from collections.abc import Sequence

CHAT = "TIMEOUT 3600 CLIENT 'CLIENTSERVER\\c'"
"""Waits an hour for the call, answers without a line end; quoted for the shell that pppd asks."""


def arguments(
    port: str, speed: int, *, host: str, target: str, hardware: bool, chat: str = "chat"
) -> Sequence[str]:
    """The options of pppd for a port; `hardware`: RTS/CTS, else nobody stops anybody."""
    return (
        port,
        str(speed),
        f"{host}:{target}",
        "connect",
        f"{chat} -v {CHAT}",
        "crtscts" if hardware else "nocrtscts",
        "local",
        "lock",
        "noauth",
        "nodetach",
        "nodefaultroute",
        "noproxyarp",
        "noipv6",
        "persist",
        "maxfail",
        "0",
        "holdoff",
        "2",
        "lcp-echo-interval",
        "20",
        "lcp-echo-failure",
        "6",
    )


def failure(code: int) -> tuple[str, str] | None:
    """What an exit code of pppd means, and what to do; None for none that the user waits for."""
    return _FAILURES.get(code, (f"pppd ended with exit code {code}", _LOG)) if code else None


_LOG = "Look at what it printed above; more is in: journalctl -t pppd -t chat"
ROOT = "Run it with sudo."
_FAILURES = {
    1: ("pppd stopped at once", _LOG),
    2: ("pppd did not take its options", ROOT),
    3: ("pppd may not work without root", ROOT),
    4: (
        "the kernel of this computer has no PPP",
        "Run: sudo modprobe ppp_async - or do without: deployer push --target serial:PORT",
    ),
    6: ("another program has locked the port", "Close the other terminal program."),
    7: ("pppd cannot open the port", "Look at it with: deployer serial ports"),
    8: (
        "nobody has called for an hour",
        "On the old PC: Direct Cable Connection, Guest, Connect. Then start this again.",
    ),
    10: (
        "the other side does not speak PPP",
        "On the old PC, Control Panel, Network needs TCP/IP -> Dial-Up Adapter.",
    ),
}
"""By the exit codes of pppd(8)."""
