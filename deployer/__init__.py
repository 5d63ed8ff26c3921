"""Move software onto an old PC and prove that it arrived and runs.

Read `model` and `events` first, then `core/deployment`; docs/architecture.md is the map.
Rooms, from the bottom: `model`, `events`, `errors`, `settings` are values; `core` decides (pure);
`edge` acts, one kind of I/O per room; `host` joins them and is what a face may ask; `face` and
`bench` show and ask; `sim` is the simulated old PC, a peer of the host on another socket.
"""
