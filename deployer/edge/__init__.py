"""What acts: one kind of I/O per room, thin, without decisions of its own.

Read the room of the kind that you are after: `ftp`, `link`, `serial`, or the modules here (`store`
is the database, `files` the user's files, `httpd` the first-contact page). Imports `core` and the
values; used by `host` alone.
"""
