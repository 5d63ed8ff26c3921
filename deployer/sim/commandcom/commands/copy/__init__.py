"""COPY, the one command with a language of its own: joins, /A and /B, wildcards, devices.

Read `command` first; `line` takes the parameters apart, `target` decides where the bytes go.
"""
