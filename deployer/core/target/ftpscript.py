"""Scripts for Windows 98's FTP.EXE (`FTP -n -i -s:FILE`).

Rules, from facts A1-A26: commands in lower case; `user` inside the script because of `-n`;
`binary` before the first transfer; bare 8.3 names, never `mget`, `hash`, `!`, `prompt` or quotes;
lines under 100 bytes; always `bye`. No port can be given, so the server listens on 21.
The helper writes NEXT.FTP on the target by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable

FETCH_AGAIN = "fetch GO.BAT again"
"""Stands, perhaps with a capital, in the host's answer to the login of a GO.BAT for which nothing
waits any more. GO.BAT looks for it, because FTP.EXE tells of a reply by showing it only (A18)."""


def script(host: str, login: str, token: str, transfers: Iterable[str]) -> tuple[str, ...]:
    """The lines of one session: log in, binary, the transfers, bye."""
    return (f"open {host}", f"user {login} {token}", "binary", *transfers, "bye")


def first(host: str, login: str, token: str, names: Iterable[str]) -> tuple[str, ...]:
    """Fetches the helper and the manifest."""
    return script(host, login, token, [f"get {name}" for name in names])


def report(
    host: str, login: str, token: str, names: Iterable[str], receipt: str = ""
) -> tuple[str, ...]:
    """Sends reports, and fetches the receipt that the host gives for the last of them."""
    transfers = [f"put {name}" for name in names]
    if receipt:
        transfers.append(f"get {receipt}")
    return script(host, login, token, transfers)
