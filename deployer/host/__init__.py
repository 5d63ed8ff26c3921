"""What a face can ask, and who does it: the only place where `core` meets `edge`.

Read `requests` first (the values and the `Host` protocol), then `connect` (from settings to a
`Host`: the running daemon's, else one in this process), then `service`, which does the work.
Light modules import nothing of the service, so that a command that only looks starts at once.
"""
