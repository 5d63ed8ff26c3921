"""What the service is made of: one offer, what a target sees of it, how it ends, how it is written.

Read `offer` first (a staged payload and where it goes), then `views` (what a target sees by the
address that it has called), `record` (written down first, acted on after) and `ending` (by which
proof an offer ends).
"""
