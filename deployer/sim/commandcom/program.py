"""COMMAND.COM as others start it: the shell with what it needs to start itself again."""

from __future__ import annotations

from deployer.sim.commandcom import interpreter, nested
from deployer.sim.commandcom.dialect import End
from deployer.sim.commandcom.shell import Shell


class CommandCom(Shell):
    """COMMAND.COM on drives, with a console.

    `execute` carries out one typed line with all that follows from it, `run` a batch file or
    program, `interact` reads typed lines until EXIT. What it takes is said at `Shell`.

    Raises ShellHang when the target would be dead, NotModelled for what is not played, and lets
    PowerOff pass.
    """

    own_programs = nested.PROGRAMS

    def execute(self, line: str) -> End:
        """Carry out a typed line and everything that it starts; how the shell then waits."""
        return interpreter.execute(self, line)

    def run(self, path: str, arguments: str = "") -> End:
        """Carry out a batch file or program as if its name had been typed."""
        return self.execute(f"{path} {arguments}".rstrip())

    def interact(self) -> End:
        """Show a prompt, read typed lines and carry them out until EXIT."""
        return interpreter.interact(self)
