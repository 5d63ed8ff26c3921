"""What decides: values, bytes and events in; values, bytes and commands out. No I/O at all.

Read `deployment` first: the one state table, and how a deployment stands after its events.
Everything here may be imported by `edge`, `host`, `face` and `bench`; it imports only `model`,
`events` and `errors`.
"""
