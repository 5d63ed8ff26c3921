"""The FTP server's personality, made for Windows 98's FTP.EXE: what each command is answered.

Read `policy` first: its table of verbs is the manual, docs/ftp.md. `session` is one login's state,
`verbs` answers, `tree` knows names and listings. The sockets are in `edge/ftp`.
"""
