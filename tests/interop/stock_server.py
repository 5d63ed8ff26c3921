"""pyftpdlib as it comes, to be run as a program: `stock_server.py DIRECTORY`; prints its port."""

from __future__ import annotations

import sys
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer


def main() -> None:
    """Serve until killed."""
    authorizer = DummyAuthorizer()
    authorizer.add_user("D7F3A21C", "secret77", sys.argv[1], perm="elradfmw")
    FTPHandler.authorizer = authorizer
    server = FTPServer(("127.0.0.1", 0), FTPHandler)
    print(server.address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
