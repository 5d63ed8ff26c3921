"""What COMMAND.COM of Windows 98 would not run, or run otherwise than it looks, in a batch file.

Read `check` first: from outside only it and the values of `model` are used. `parse` splits lines as
COMMAND.COM does, `rules` is the table of what is looked for, `flow` follows GOTO and CALL.
"""
