"""What the service is made of: one offer, what a target sees of it, how events are written down.

Read `offer` first (a staged payload and where it goes), then `views` (what a target sees by the
address that it has called), `record` (written down first, acted on after) and `screen` (what the
simulated PC shows).
"""
