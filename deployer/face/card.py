"""The card: what to type on the old PC to make it fetch its deployment."""

from __future__ import annotations

from deployer.model import GO_BAT


def typed_lines(host: str, directory: str) -> tuple[str, ...]:
    """The lines to type in a DOS window of the target, each ended by Enter; "" is a bare Enter.

    FTP.EXE asks for user and password itself; GO.BAT is text, which it fetches right without
    `binary` (facts A5).
    """
    drive, *names = directory.split("\\")
    levels = ["\\" + "\\".join(names[: depth + 1]) for depth in range(len(names))]
    return (
        drive,
        *(f"MD {level}" for level in levels),
        f"CD {levels[-1]}",
        f"FTP {host}",
        "anonymous",
        "",
        f"get {GO_BAT}",
        "bye",
        "GO",
    )


def card(deployment: str, target: str, host: str, directory: str) -> tuple[str, ...]:
    """The card as lines of text for people."""
    prompts = {
        "anonymous": "User:      ",
        "": "Password:  ",
        f"get {GO_BAT}": "ftp>       ",
        "bye": "ftp>       ",
    }
    lines = [
        f"Deployment {deployment} waits for the old PC at {target}.",
        "On the old PC choose Start, Programs, MS-DOS Prompt, and type:",
        "",
    ]
    for line in typed_lines(host, directory):
        prompt = prompts.get(line, "C:\\>       ")
        lines.append(f"    {prompt}{line or '(just Enter)'}")
    lines += ["", f"If {GO_BAT} of this deployment is already there, GO alone is enough."]
    return tuple(lines)
