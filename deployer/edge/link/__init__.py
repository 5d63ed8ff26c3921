"""The wire of this computer: its interfaces, our address on one, and who else is there.

`system` says what a system must be able to do, `NetworkSystem`: list its interfaces, plan the
changes that an address needs, make each and take it back. Both can be done again after a crash.
Linux is asked by netlink (`linux`), macOS and Windows by their own programs; `lookup` finds the one
that this is.

Read `lease` first: it sets the address, and gives the interface back by the note of `undo` while
`owner` keeps other processes away. `arp` and `ping` ask the wire, `conflict` and `doctor_probe`
look for what is in the way. From outside, `host/wire.py` alone uses this room.
"""
