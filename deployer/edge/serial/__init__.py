"""Serial ports: the line itself, and whoever talks over it until done or cancelled.

Read `port` first (`SerialLine`), then `job`. `send` and `receive` move files, `bootstrap` types a
receiver into DEBUG, `examine` and `answer` are the two ends of a cable test, `terminal` a terminal.
"""
