"""pyftpdlib as it comes, but for a longer queue of waiting clients: `... DIRECTORY PORT`."""

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
    authorizer.add_anonymous(sys.argv[1])
    FTPHandler.authorizer = authorizer
    server = FTPServer(("127.0.0.1", int(sys.argv[2])), FTPHandler, backlog=512)
    server.max_cons = 4096
    server.serve_forever()


main()
