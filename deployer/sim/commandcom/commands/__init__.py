"""The internal commands of COMMAND.COM.

Read `table` first: it says who does what. A command gets the shell and the command tail; `sysparse`
takes apart the parameters of those that use DOS' shared parser. The interpreter imports `table`.
"""
