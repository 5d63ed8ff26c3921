"""One offer: a staged payload, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.core.wire.simulated import loopback
from deployer.events import DeploymentStaged, FileStaged, PackStaged
from deployer.model import ANY, LineSettings, Manifest, is_simulated


@dataclass(frozen=True, slots=True)
class Offer:
    """A staged payload, and where it goes. `line` is None where it goes over a network."""

    manifest: Manifest
    target: str
    directory: str
    line: LineSettings | None = None

    @property
    def deployment(self) -> str:
        """Its id."""
        return self.manifest.deployment

    @property
    def simulated(self) -> bool:
        """True for a simulated PC, which is served on loopback."""
        return is_simulated(self.target)

    @property
    def peer(self) -> str:
        """The address that the target calls from; "" for whoever comes first."""
        if self.target == ANY:
            return ""
        return loopback(self.target) if self.simulated else self.target


def content(manifest: Manifest) -> tuple[object, ...]:
    """What makes two manifests the same but for identity, and for where the files lie now."""
    payload = manifest.payload
    files = tuple(
        (f.name, f.length, f.sha256, f.parts, f.place, f.pack, f.date, f.attributes)
        for f in payload.files
    )
    rules = payload.directories, payload.overwrite, payload.delete
    return manifest.host, files, payload.packs, rules, payload.run, payload.gather


def staged(offer: Offer, at: float) -> DeploymentStaged:
    """The event that begins an offer at `at`: what goes where, without its secrets."""
    manifest = offer.manifest
    summary = tuple(
        FileStaged(
            name=file.name,
            long_name=file.long_name,
            length=file.length,
            sha256=file.sha256,
            first_part=file.parts[0].name if file.parts else file.pack,
            parts=len(file.parts),
            part_size=file.parts[0].length if file.parts else 0,
            place=file.place,
        )
        for file in manifest.payload.files
    )
    return DeploymentStaged(
        at=at,
        deployment=manifest.deployment,
        target=offer.target,
        host=manifest.host,
        directory=offer.directory,
        files=summary,
        total=manifest.payload.total,
        run=manifest.payload.run,
        recipe=manifest.payload.recipe,
        emulated=offer.simulated,
        notes=manifest.payload.notes,
        line=offer.line,
        packs=tuple(PackStaged(pack.name, pack.length) for pack in manifest.payload.packs),
    )
