"""`python -m deployer.bench.labgrid_power ENVIRONMENT TARGET on|off|cycle`, as a power command.

A module of its own: the environment file imports the drivers, and labgrid wants each once.
"""

from __future__ import annotations

import sys

from labgrid import Environment


def switch(environment: str, name: str, what: str) -> None:
    """Let the power driver of a labgrid target do something: on, off or cycle."""
    power = Environment(environment).get_target(name).get_driver("PowerProtocol")
    {"on": power.on, "off": power.off, "cycle": power.cycle}[what]()


if __name__ == "__main__":
    switch(*sys.argv[1:])
