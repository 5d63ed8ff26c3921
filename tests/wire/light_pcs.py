"""Many old PCs in one process, as light as can be: they speak FTP as GO.BAT does, and tell no lies.

    python light_pcs.py HOST ADDRESS...

Each has an address of its own, asks for GO.BAT as a guest, logs in with what stands in it, fetches
the parts of the manifest in active mode, checks them, and reports the sums of what it really got,
sealed. Prints one JSON object: for each address its seconds. Only the standard library is used.
"""

from __future__ import annotations

import ftplib
import hashlib
import io
import json
import re
import sys
import threading
import time
import zlib

LIMIT = 60.0


def call(host: str, address: str, user: str, password: str) -> ftplib.FTP:
    """A session in active mode."""
    ftp = ftplib.FTP(timeout=LIMIT, source_address=(address, 0))
    ftp.connect(host, 21)
    ftp.login(user, password)
    ftp.set_pasv(False)
    return ftp


def fetch(ftp: ftplib.FTP, name: str) -> bytes:
    got = io.BytesIO()
    ftp.retrbinary(f"RETR {name}", got.write)
    return got.getvalue()


def report(deployment: str, files: list[str]) -> bytes:
    lines = [
        "deployer-result=1", f"deployment={deployment}", "helper=1.0", "command=JOIN", "exit=0",
        *files,
    ]  # fmt: skip
    body = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    return body + f"end={len(lines)} {zlib.crc32(body):08X}\r\n".encode("ascii")


def visit(host: str, address: str) -> None:
    """All that GO.BAT does, by hand."""
    with call(host, address, "anonymous", "") as ftp:
        go = fetch(ftp, "GO.BAT").decode("ascii")
    found = re.search(r"user (\w+) (\w+)", go)
    assert found is not None
    user, token = found.groups()
    with call(host, address, user, token) as ftp:
        manifest = fetch(ftp, f"{user}.MAN").decode("ascii").splitlines()
        records = [line.split(" ") for line in manifest]
        parts = {r[1]: (int(r[2]), int(r[3], 16)) for r in records if r[0] == "PART"}
        files = []
        for _, name, _length, _sha256, _date, _attributes, count, first, *_rest in (
            r for r in records if r[0] == "FILE"
        ):
            whole = hashlib.sha256()
            total = 0
            base = first.partition(".")[0]
            for number in range(1, int(count) + 1):
                data = fetch(ftp, f"{base}.{number:03d}")
                assert parts[f"{base}.{number:03d}"] == (len(data), zlib.crc32(data))
                whole.update(data)
                total += len(data)
            files.append(f"file={name} {total} {whole.hexdigest()} good")
    with call(host, address, user, token) as ftp:
        ftp.storbinary("STOR RESULT.TXT", io.BytesIO(report(user, files)))
        assert fetch(ftp, "GOTIT.TXT").startswith(user.encode())


def main(host: str, addresses: list[str]) -> int:
    together = threading.Barrier(len(addresses))
    seconds: dict[str, float] = {}

    def life(address: str) -> None:
        together.wait(LIMIT)
        start = time.monotonic()
        visit(host, address)
        seconds[address] = time.monotonic() - start

    threads = [threading.Thread(target=life, args=(each,), daemon=True) for each in addresses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * LIMIT)
    print(json.dumps(seconds))
    return 0 if len(seconds) == len(addresses) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
