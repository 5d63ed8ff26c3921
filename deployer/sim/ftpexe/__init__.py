"""FTP.EXE of Windows 98, over real sockets: what it does with a script, mistakes included.

Read `session` first: the connection, transfers and files. `commands` is the table of what may be
typed, `program` the start: switches, a script's lines. Others import `FtpExe` from here.
"""

from deployer.sim.ftpexe.program import FtpExe

__all__ = ["FtpExe"]
