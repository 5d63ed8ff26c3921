"""The PCs of the wire, beside what is pushed to them: what they are called, and who is there.

`names` keeps what a user calls a PC, and finds out which address it has now; `who` lists everybody,
and `heard` listens to them.
From outside, only `face` and the rest of `host` use this room.
"""
