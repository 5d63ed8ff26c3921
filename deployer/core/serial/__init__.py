"""What goes over a serial line, as values: bytes in, bytes and events out.

Read `transfer` first: sender and receiver as `zmodem` and `xmodem` both are. `linetest` judges a
cable, `linetalk` is its talk, `boot98` is the receiver that is typed into DEBUG.
"""
