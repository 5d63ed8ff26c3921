"""What people and scripts see: reads events, sends requests, decides nothing.

Read `view` first: one row for each deployment, folded from its events; every face shows rows. `cli`
has the commands, `tui` the window, `web` the live page.
"""
