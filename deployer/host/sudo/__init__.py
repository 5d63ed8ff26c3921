"""`sudo deployer ...`: two processes, of which the one that works is the user who called sudo.

Read `split` first (when that is so, and what the first process does with root's rights), then
`asked` (how the second one asks it for the wire and for ports below 1024).
"""
