"""The FTP server's sockets: pyftpdlib's loop in a thread of its own, our answers from `core/ftp`.

Read `server` first: `FtpServer` is all that is used from outside, with `FtpLimits` and `Authorizer`
of `state`. `control` is one control connection; it has an `exchange`, which runs its transfers:
`connect` opens data connections, `data` moves bytes over them, `jobs` says what moves, `files`
where it comes from and goes to. `connection` is what they know of each other.
"""
