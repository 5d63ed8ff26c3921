"""What a target sees of an offer, by the address of ours that it has called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from deployer.core.target.page import Waiting
from deployer.host import wire
from deployer.host.grants import Handout, share_of_pull, shares_of
from deployer.host.offers.offer import Offer
from deployer.host.pull.receiver import Receiver
from deployer.host.requests import TypedSteps
from deployer.model import Blob, Manifest, Share


def views(
    offer: Offer,
    pull: Receiver | None,
    at: float,
    typed: TypedSteps,
    addresses: Callable[[], tuple[str, ...]],
) -> Callable[[str], Handout]:
    """Gives what the target gets that has called an address; made when it calls.

    `addresses` are ours on the wire by then, "" for none. `at` dates the files on offer.
    """
    staged = offer.manifest
    known: dict[str, Handout] = {}

    def seen(called: str) -> Handout:
        ours = addresses()
        mine = staged.host in ours or wire.is_link_local(staged.host)
        host = called if called and called in ours and mine else staged.host
        manifest = replace(staged, host=host)
        if host not in known:
            share, go_bat = shares_of(manifest, offer.directory, at)
            known[host] = Handout(share, go_bat, _page(manifest, offer.directory, go_bat, typed))
        if pull is not None:
            return replace(known[host], share=share_of_pull(manifest, pull, offer.directory, at))
        return known[host]

    return seen


def _page(manifest: Manifest, directory: str, go_bat: Share, typed: TypedSteps) -> Waiting:
    source = go_bat.entries[0].source
    assert isinstance(source, Blob)
    return Waiting(
        deployment=manifest.deployment,
        host=manifest.host,
        directory=directory,
        files=tuple((file.long_name, file.length) for file in manifest.payload.files),
        go_bat=source.data,
        typed=typed(manifest.host),
        run=manifest.payload.run,
    )
