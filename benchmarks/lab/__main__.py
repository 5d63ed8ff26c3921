"""Many PCs on several hosts, pushed to from one client at once: `python -m benchmarks.lab`.

Needs root, iproute2, labgrid, openssh-server and rsync. In namespaces: a labgrid coordinator, two
exporters with an SSH server and a daemon each, and a client on no PC's wire. Every PC is a
simulated one of its host (`sim:pc01`), with a disk and a processor of its own, and takes 90 MB.

Asked: all proved, the slowest within twice the fastest. Then all again, and one host is killed as
soon as all its pushes have begun: its PCs fail with its name, the others are proved.

    --hosts N      exporters (2)
    --pcs N        simulated PCs of each (16)
    --kib N        size of the file in KiB (256)
    --json         one JSON object instead of the table
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests import needs
from tests.wire.conftest import Lab
from tests.wire.many_hosts import ManyHosts, said

_LIMIT = 2.0


def main() -> int:
    """Exit code 1 when what is asked does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, usual in (("hosts", 2), ("pcs", 16), ("kib", 256)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    needs.require("root", "Linux", "ip", "sshd", "ssh", "rsync")
    names = [f"host{number + 1}" for number in range(given.hosts)]
    pcs = {f"pc{number + 1:02d}": f"sim:pc{number + 1:02d}" for number in range(given.pcs)}
    lab = Lab(f"bl{os.getpid() % 10000}x")
    with tempfile.TemporaryDirectory(prefix="deployer-lab-") as name:
        folder = Path(name)
        file = folder / "data.bin"
        file.write_bytes(random.Random(1).randbytes(given.kib << 10))
        hosts = ManyHosts(lab, folder, names, pcs)
        try:
            hosts.start()
            told = measured(hosts, file, [f"{host}/{pc}" for host in names for pc in pcs])
        finally:
            hosts.close()
            lab.close()
    print(json.dumps(told) if given.json else shown(told))
    return 0 if told["good"] else 1


def measured(hosts: ManyHosts, file: Path, places: list[str]) -> dict[str, Any]:
    """Both runs."""
    list(said(hosts.client(file, "acquire", *places)))
    first = finished(hosts, file, places, kill="")
    seconds = sorted(found["seconds"] for found in first.values())
    last = hosts.names[-1]
    second = finished(hosts, file, places, kill=last)
    dead = {name: found for name, found in second.items() if name.startswith(f"{last}-")}
    alive = {name: found for name, found in second.items() if name not in dead}
    lost = [found for found in dead.values() if found["outcome"] != "proved"]
    told = {
        "pcs": len(first),
        "proved": sum(found["outcome"] == "proved" for found in first.values()),
        "fastest": seconds[0],
        "slowest": seconds[-1],
        "ratio": seconds[-1] / seconds[0],
        "killed": last,
        "others proved": sum(found["outcome"] == "proved" for found in alive.values()),
        "others": len(alive),
        "failed by its name": sum(last in found["reason"] for found in lost),
        "failed": len(lost),
    }
    told["good"] = (
        told["proved"] == told["pcs"]
        and told["ratio"] <= _LIMIT
        and told["others proved"] == told["others"]
        and told["failed by its name"] == told["failed"] > 0
    )
    return told


def finished(hosts: ManyHosts, file: Path, places: list[str], *, kill: str) -> dict[str, Any]:
    """What became of each PC; a host is killed when all its pushes have begun."""
    results: dict[str, Any] = {}
    left = {place.replace("/", "-") for place in places if kill and place.startswith(f"{kill}/")}
    for line in said(hosts.client(file, "all", *places)):
        if line["what"] == "begun" and line["name"] in left:
            left.remove(line["name"])
            if not left:
                hosts.kill(kill)
        if line["what"] == "results":
            results = line["results"]
    if not results:
        print(hosts.logs(), file=sys.stderr)
        raise RuntimeError("the client has said nothing of its end")
    return results


def shown(told: dict[str, Any]) -> str:
    """A table."""
    return "\n".join(
        (
            f"{told['proved']} of {told['pcs']} PCs proved",
            f"fastest {told['fastest']:.1f} s, slowest {told['slowest']:.1f} s: "
            f"{told['ratio']:.2f} (at most {_LIMIT})",
            f"{told['killed']} killed: {told['failed by its name']} of its {told['failed']} open "
            f"PCs failed by its name; {told['others proved']} of {told['others']} others proved",
            "good" if told["good"] else "NOT as asked",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
