"""The FTP server's sockets: pyftpdlib's loop in a thread of its own, our answers from `core/ftp`.

Read `server` first: `FtpServer` is all that is used from outside. `control` is one connection,
`exchange` its commands in order, `data` and `ways` its data connections, `jobs` what a transfer is.
"""
