"""`deployer push --target serial:PORT`: the same faces, over a null-modem cable."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deployer import serial_push
from deployer.core.deployment import Deployment
from deployer.face.push import Face, Watch
from deployer.model import Manifest
from deployer.serial_push import Carriage
from deployer.serial_service import Flow, Job
from deployer.service import Service, raise_for

is_serial = serial_push.is_serial


@dataclass(frozen=True, slots=True)
class SerialPush:
    """What such a push does once the payload is staged. Seconds, None: no limit."""

    manifest: Manifest
    target: str
    directory: str
    speed: int
    flow: str
    silence: float | None
    say: Callable[[str], None]
    emulated: bool = False


async def push_over_line(job: SerialPush, state_dir: Path, face: Face) -> Deployment:
    """Carry the payload, show everything to the face, and return how it ended.

    Raises the error that the end means when it is not `proved`.
    """
    port = serial_push.port_of(job.target)
    async with Service(state_dir, clock=time.time, address="127.0.0.1", ftp_port=0) as service:
        manifest = service.take_up(job.manifest, job.target)
        identity = manifest.deployment
        watch = Watch(service, identity, face)
        watching = asyncio.create_task(watch.run())
        line = Job(
            port, speed=job.speed, flow=Flow(job.flow), note=job.say,
            contact=job.silence or 86_400.0, patience=job.silence or 86_400.0,
        )  # fmt: skip
        how = Carriage(
            line, job.directory, resumed=identity != job.manifest.deployment, emulated=job.emulated
        )
        for text in serial_push.card(job.directory, port, job.speed):
            job.say(text)
        carrying = asyncio.create_task(serial_push.carry(service, manifest, job.target, how))
        try:
            await asyncio.wait(
                [carrying, asyncio.create_task(_ended(service, carrying, identity, job.silence))],
                return_when=asyncio.FIRST_COMPLETED,
            )
            if carrying.done():
                await carrying
            ended = service.standing(identity)
        except asyncio.CancelledError:
            service.cancel(identity)
            raise
        finally:
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await asyncio.wait_for(carrying, 20)
            await watch.drained()
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            face.close()
    raise_for(ended, service.output_path(identity))
    return ended


async def _ended(
    service: Service, carrying: asyncio.Task[None], identity: str, silence: float | None
) -> None:
    """Until the deployment has ended."""
    while not carrying.done():
        with contextlib.suppress(KeyError):
            await service.finished(identity, silence=silence)
            return
        await asyncio.sleep(0.05)
