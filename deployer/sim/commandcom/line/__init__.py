"""A command line as COMMAND.COM sees it: characters, redirections, words, names of files.

Read `text` first (delimiters, code page), then `prescan` (takes < > | off a line), `parse` (words)
and `fcb` (names of 8 + 3 characters). Only text in, values out; imports nothing of the shell.
"""
