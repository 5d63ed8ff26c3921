"""A server that we did not write, for the simulated PC to talk to: stock pyftpdlib on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer


@contextmanager
def served(root: Path) -> Iterator[tuple[str, int]]:
    """Address and port of a server: user w98, password pw, or anonymous; `root` can be written."""
    authorizer = DummyAuthorizer()
    authorizer.add_user("w98", "pw", str(root), perm="elradfmw")
    authorizer.add_anonymous(str(root))
    settings = {"authorizer": authorizer, "use_sendfile": False, "auth_failed_timeout": 0.05}
    handler = type("Handler", (FTPHandler,), settings)
    loop = IOLoop()
    server = FTPServer(("127.0.0.1", 0), handler, ioloop=loop)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            loop.loop(timeout=0.02, blocking=False)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.address[:2]
    finally:
        stop.set()
        thread.join()
        server.close_all()
