"""The programs in C:\\WINDOWS and C:\\WINDOWS\\COMMAND that batch files lean on, played in Python.

Each is a function of one `Call` (command tail, directory, streams) and answers its exit code; read
`table` first. What a program here cannot do it says, with the exit code of a wrong use; it never
pretends. Knows the disk and nothing of the shell.
"""

from deployer.sim.programs.call import Call, ExternalProgram
from deployer.sim.programs.small import SMALL
from deployer.sim.programs.table import PROGRAMS

__all__ = ["PROGRAMS", "SMALL", "Call", "ExternalProgram"]
