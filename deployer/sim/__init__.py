"""The simulated Windows 98 PC: a peer of the host on the other end of a socket, not a mock.

Read `machine` first. `commandcom` plays COMMAND.COM, `ftpexe` FTP.EXE, `win32` runs real .EXE files
on an emulated Pentium II, `disk` has FAT's rules. Strict: what Windows 98 would refuse or mangle is
refused or mangled. Imports only `model`.
"""
