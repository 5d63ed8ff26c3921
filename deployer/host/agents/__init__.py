"""The agents on old PCs, as this host knows them: who is there, and what each is to do.

Read `room` first: it belongs to the service's loop and does what `core/agents` decides. `doors` is
what the FTP server's thread sees of it. A face asks through `Host` (see `host/requests`) alone.
"""
