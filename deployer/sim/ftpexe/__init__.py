"""FTP.EXE of Windows 98, over real sockets: what it does with a script, mistakes included.

Read `session` first: the connection, transfers and files; `commands` is the table of what may be
typed.
"""
