"""pppd's command line for Windows 98's Direct Cable Connection.

The guest side of Direct Cable Connection calls `CLIENT` over the null-modem cable and expects
`CLIENTSERVER`; then it speaks PPP (facts E11). So FTP goes over the cable as over a network card.
"""

from __future__ import annotations

from collections.abc import Sequence

CHAT = "chat -v TIMEOUT 3600 CLIENT CLIENTSERVER\\c"
"""Waits an hour for the call, answers without a line end."""


def arguments(port: str, speed: int, *, host: str, target: str, hardware: bool) -> Sequence[str]:
    """The options of pppd for a port; `hardware`: RTS/CTS, else nobody stops anybody."""
    return (
        port,
        str(speed),
        f"{host}:{target}",
        "connect",
        CHAT,
        "crtscts" if hardware else "nocrtscts",
        "local",
        "lock",
        "noauth",
        "nodetach",
        "nodefaultroute",
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
