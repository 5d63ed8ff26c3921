"""`python -m benchmarks.staging`: how fast files are measured, in one read and with flat memory.

Side by side in one run: `hashlib.file_digest` (SHA-256 alone) and our measuring (SHA-256 of the
whole and the CRC-32 of each part), in turns, each on the same file in the page cache.
"""

from __future__ import annotations

import argparse
import asyncio
import ftplib
import hashlib
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from deployer.core.payload import plan
from deployer.edge import files
from deployer.host import staging
from deployer.host.offers.offer import Offer
from deployer.host.requests import Request
from deployer.host.service import Service
from deployer.model import Manifest

MIB = 1 << 20


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def sha_alone(path: Path) -> str:
    """SHA-256 as hashlib offers it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ours(path: Path) -> str:
    """SHA-256 and the parts' CRC-32."""
    return files.measure(path, plan.DEFAULT_PART_SIZE).sha256


def speed(size: int, rounds: int, place: Path) -> dict[str, object]:
    """Rates in MiB/s and their ratio, of the best and of the median round."""
    path = place / "random.bin"
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))
    assert sha_alone(path) == ours(path)
    turns = [(seconds(lambda: sha_alone(path)), seconds(lambda: ours(path))) for _ in range(rounds)]
    path.unlink()
    alone, both = (sorted(column) for column in zip(*turns, strict=True))
    mib = size / MIB
    return {
        "file_mib": size // MIB,
        "rounds": rounds,
        "sha256_alone_mib_per_s": round(mib / alone[0]),
        "ours_mib_per_s": round(mib / both[0]),
        "ratio_of_the_best": round(alone[0] / both[0], 2),
        "ratio_of_the_medians": round(statistics.median(alone) / statistics.median(both), 2),
    }


def one_read(place: Path) -> dict[str, object]:
    """Bytes that the system read for this process while it staged a file (Linux)."""
    path = place / "once.bin"
    path.write_bytes(os.urandom(64 * MIB))
    before = _read_so_far()
    staging.stage(Request((path,), no_run=True))
    read = _read_so_far() - before
    path.unlink()
    return {"bytes_read_per_byte": round(read / (64 * MIB), 3)}


def _read_so_far() -> int:
    text = Path("/proc/self/io").read_text(encoding="ascii")
    return int(text.split("rchar: ")[1].split("\n")[0])


def memory(size: int, place: Path) -> dict[str, object]:
    """How much the process grew while it staged a sparse file of that size and served all of it."""
    path = place / "sparse.bin"
    with path.open("wb") as file:
        file.truncate(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    manifest = staging.stage(Request((path,), no_run=True))
    staged = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    fetched = asyncio.run(serve(manifest, place / "state"))
    took = time.perf_counter() - began
    served = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert fetched == size
    on_disk = sum(p.stat().st_blocks for p in place.rglob("*") if p.is_file()) * 512
    path.unlink()
    return {
        "sparse_gib": round(size / (1 << 30), 2),
        "staging_grew_kib": staged - before,
        "serving_grew_kib": served - staged,
        "served_mib_per_s": round(size / MIB / took),
        "arrives_as": len(manifest.payload.files),
        "parts": manifest.payload.part_count,
        "bytes_on_disk": on_disk,
    }


async def serve(manifest: Manifest, state: Path) -> int:
    """Serve every part over a real socket; the bytes that came."""
    async with Service(state, clock=time.time, address="127.0.0.1", ftp_port=0) as service:
        await service.deploy(Offer(manifest, "127.0.0.1", "C:\\DEPLOY"))
        return await asyncio.to_thread(fetch, service.ftp_port, manifest)


def fetch(port: int, manifest: Manifest) -> int:
    """Get every part and throw it away, as fast as Python can."""
    block = bytearray(MIB)
    total = 0
    with ftplib.FTP() as ftp:
        ftp.connect("127.0.0.1", port, timeout=60)
        ftp.login(manifest.login, manifest.token)
        ftp.voidcmd("TYPE I")
        for file in manifest.payload.files:
            for part in file.parts:
                with ftp.transfercmd(f"RETR {part.name}") as data:
                    while count := data.recv_into(block):
                        total += count
                ftp.voidresp()
    return total


def main() -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.staging", description=__doc__)
    parser.add_argument("--size", type=int, default=512, help="MiB of the file that is hashed")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sparse", type=float, default=8.0, help="GiB of the sparse file")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="staging-") as folder:
        place = Path(folder)
        memory(MIB, place)  # everything is imported and warm; the peak so far is what counts
        figures: dict[str, object] = {
            "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, load "
            f"{os.getloadavg()[0]:.1f}, Python {platform.python_version()}",
            **memory(int(given.sparse * (1 << 30)), place),
            **one_read(place),
            **speed(given.size * MIB, given.rounds, place),
        }
    if given.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key.replace('_', ' '):<26} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
