"""What the servers hand out, known to both sides."""

from __future__ import annotations

import random

from deployer.core.target.page import Waiting

USER, TOKEN = "D7F3A21C", "secret77"
GOOD = "127.0.0.1"
"""Where the well-behaved client calls from."""

GO_BAT = b"@ECHO OFF\r\nECHO hello\r\n"
MODEL = random.Random(1).randbytes(200_000)
WAITING = Waiting(USER, "192.168.1.1", "C:\\DEPLOY", (("model.bin", len(MODEL)),), GO_BAT)
