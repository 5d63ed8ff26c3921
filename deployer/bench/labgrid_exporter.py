"""`python -m deployer.bench.labgrid_exporter`: labgrid's exporter, which can offer old PCs as well.

    wire:
      OldPC: {pc: 192.168.1.11}

It takes what `labgrid-exporter` takes. Clients see a `NetworkOldPC`. While a place with it is
acquired, this host's daemon and commands refuse that PC to everybody else.
"""

from __future__ import annotations

from typing import Any

import attr
from labgrid.remote.exporter import ResourceExport, exports, main
from labgrid.resource import Resource

from deployer import settings
from deployer.host import sockets
from deployer.host.devices import held


@attr.s(eq=False)
class OldPC(Resource):  # type: ignore[misc]
    """An old PC on this host's wire. `state_dir` is the daemon's, "" for the usual one."""

    pc: str = attr.ib(validator=attr.validators.instance_of(str))
    state_dir: str = attr.ib(default="", validator=attr.validators.instance_of(str))
    avail: bool = attr.ib(default=True, init=False)

    def poll(self) -> None:
        """It is always there for labgrid: the daemon waits for a PC that is switched off."""


@attr.s(eq=False)
class OldPCExport(ResourceExport):  # type: ignore[misc]
    """Offers one, and holds it for the place that has acquired it."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        given: dict[str, Any] = {"target": None, "name": None, **self.local_params}
        self.local = OldPC(**given)
        self.data["cls"] = "NetworkOldPC"
        self.data["avail"] = True
        named = settings.expanded(self.local.state_dir or settings.load().state_dir)
        self._home = sockets.home(named)
        self._socket = sockets.find(named) or self._home / sockets.SOCKET
        held.release(self._home, self.local.pc)  # of an exporter that did not end well

    def _get_params(self) -> dict[str, Any]:
        return {"host": self.host, "pc": self.local.pc, "socket": str(self._socket)}

    def _start(self, _start_params: object) -> None:
        held.hold(self._home, self.local.pc, str(self.acquired))

    def _stop(self, _start_params: object) -> None:
        held.release(self._home, self.local.pc)


exports["OldPC"] = OldPCExport


if __name__ == "__main__":
    main()
