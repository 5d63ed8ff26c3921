"""How a new agent gets to its old PC: beside a payload, or as one file for the PC's browser."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from deployer.core.agents import overlay
from deployer.core.agents.overlay import AGENT_EXE, AGENT_INI, Enrolment
from deployer.edge import files, resources
from deployer.host.agents.room import Room


class HandingOut:
    """Who is handed which agent; the same one again, as long as this host knows it."""

    def __init__(self, room: Room, directory: Path) -> None:
        self._room = room
        self._directory = directory / "agents"
        self._for_browsers: dict[str, Enrolment] = {}

    def beside(self, target: str, host: str, port: int, also: str) -> tuple[Path, ...]:
        """The agent's program and whose it is, as files that go to a target with a payload.

        Raises ProgramDamaged, DirectoryForbidden, StoreBusy, StoreFull.
        """
        program = resources.program_path(AGENT_EXE)
        path = self._directory / quote(target, safe="") / AGENT_INI
        known = _agent_of(path)
        if known is None or not self._room.knows(known):
            self._write(path, overlay.ini(self._room.enrol(target, host, port, also=also)))
        return program, path

    def _write(self, path: Path, text: bytes) -> None:
        """The token is in it: nobody but this host's user may read it."""
        files.make_directory(self._directory, private=True)
        files.make_directory(path.parent, private=True)
        files.write_atomically(path, text)

    def to_browser(self, peer: str, host: str, port: int, also: str) -> bytes:
        """The agent's program as the browser at `peer` gets it.

        A browser may fetch it twice before it starts one of the two. Raises as `beside` does.
        """
        image = resources.program(AGENT_EXE)
        enrolled = self._for_browsers.get(peer)
        if enrolled is None or not self._room.knows(enrolled.agent):
            enrolled = self._for_browsers[peer] = self._room.enrol(peer, host, port, also=also)
        return overlay.program(image, enrolled)


def _agent_of(path: Path) -> str | None:
    """The id in an AGENT98.INI; None where there is none."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((line[3:] for line in lines if line.startswith("id=")), None)
