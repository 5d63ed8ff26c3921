"""`deployer push --target serial:PORT` without a daemon: the same faces, in this process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deployer.core.deployment import Deployment
from deployer.face.push import Face, Watch
from deployer.host import carry
from deployer.host.carry import Carriage
from deployer.host.endings import raise_for
from deployer.host.service import Service
from deployer.model import LineSettings, Manifest

is_serial = carry.is_serial


@dataclass(frozen=True, slots=True)
class SerialPush:
    """What such a push does once the payload is staged. Seconds, None: no limit.

    `silence` is how long nobody may answer at first, `reports` how long what comes back may take.
    """

    manifest: Manifest
    target: str
    directory: str
    line: LineSettings
    say: Callable[[str], None]
    silence: float | None = None
    emulated: bool = False
    reports: float | None = None


async def push_over_line(job: SerialPush, state_dir: Path, face: Face) -> Deployment:
    """Carry the payload, show everything to the face, and return how it ended.

    Raises the error that the end means when it is not `proved`.
    """
    how = Carriage(
        job.line, job.directory, silence=job.silence,
        reports=job.reports, note=job.say, emulated=job.emulated,
    )  # fmt: skip
    async with Service(state_dir, clock=time.time, address="127.0.0.1", ftp_port=0) as service:
        manifest = service.take_up(job.manifest, job.target)
        identity = manifest.deployment
        line = await carry.open_line(job.target, how.line)
        watch = Watch(service, identity, face)
        watching = asyncio.create_task(watch.run())
        carry.offer(service, manifest, job.target, how)
        carrying = asyncio.create_task(carry.carry(service, manifest, how, line))
        ending = asyncio.create_task(service.finished(identity, silence=None))
        try:
            await asyncio.wait([carrying, ending], return_when=asyncio.FIRST_COMPLETED)
            if carrying.done():
                await carrying
            ended = await ending
        except asyncio.CancelledError:
            service.cancel(identity)
            raise
        finally:
            for task in (carrying, ending):
                task.cancel()
                with contextlib.suppress(Exception, asyncio.CancelledError):
                    await task
            await watch.drained()
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            face.close()
    raise_for(ended, service.output_path(identity))
    return ended
