"""The agent that stays on an old PC: its orders and its answers, as values.

Read `verbs` first: what an agent can be asked. `words` is what it says of itself over FTP (`SITE`),
`order` the life of one order, `overlay` what an agent is handed out with, `picture` the screen.
The sockets are in `edge/ftp`, who waits for which order is known in `host/agents`.
"""
