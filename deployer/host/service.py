"""The service: the only place where core meets edge. The daemon and `push` both run it.

It belongs to one asyncio loop. The FTP server runs its own loop in a thread and reaches this one
only through `call_soon_threadsafe`; everything that crosses is frozen.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path

from deployer.core.agents.order import POWER_WENT
from deployer.core.agents.verbs import Go
from deployer.core.deployment import (
    Announce,
    Conclude,
    Deployment,
    DeploymentCommand,
    ReadUpload,
    StopServing,
    advance,
    concerns_reports,
    concluded,
    is_output,
    source_changed,
)
from deployer.core.payload import plan
from deployer.core.survey import script
from deployer.core.target import places, proof
from deployer.core.target.codepages import CodePages
from deployer.core.target.manifest import own_directory
from deployer.core.target.proof import Failure
from deployer.core.view import Row
from deployer.core.wire.simulated import loopback
from deployer.edge import files, rehearsal
from deployer.edge.ftp.files import set_aside
from deployer.edge.ftp.server import FtpLimits
from deployer.edge.store import Store
from deployer.errors import (
    STORE_TROUBLES,
    DeployerError,
    DeploymentUnknown,
    NoLinkLocal,
    OrderLost,
    PullIncomplete,
    PullRefused,
    PullStopped,
    StoreBusy,
    StoreDamaged,
    StoreFull,
    TargetBusy,
    form_of,
)
from deployer.events import (
    LIVE,
    ClientGone,
    DeploymentStaged,
    Event,
    LoginAccepted,
    OutputReceived,
    PauseChanged,
    PresenceChanged,
    ProofReceived,
    PullAdvanced,
    ServerListening,
    SourceChanged,
    StateChanged,
    TargetFound,
    TargetReported,
    TransferDone,
    UploadReceived,
    WireChanged,
)
from deployer.host import past, staging, wire
from deployer.host.agents.handing import HandingOut
from deployer.host.agents.room import Room
from deployer.host.bus import Bus
from deployer.host.grants import Grant, Grants
from deployer.host.offers.offer import Offer, content, staged
from deployer.host.offers.record import Record
from deployer.host.offers.screen import PcScreen
from deployer.host.offers.views import views
from deployer.host.pull.receiver import PullProgress, Receiver
from deployer.host.requests import Before, Say, TypedSteps, nobody, nothing_typed
from deployer.host.servers import LOOPBACK, OpenPorts, Place, Servers
from deployer.host.staging import refuse_unplayable
from deployer.model import (
    ANY,
    OUTPUT_TXT,
    RESULT_TXT,
    SIM,
    UPLOAD_LIMITS,
    Cause,
    Manifest,
    Payload,
    Proof,
    State,
)

_TEXT_IN_EVENT = 16 << 10
_READ_AT_ONCE = 4 << 20
"""Bytes of the user's files that are read again without a thread of their own."""
_LISTEN_EVERY = 0.5
_HAND_OUT = 5.0
_REMEMBERED = 32
"""Deployments that have ended, of which somebody may still ask."""
_LOG_OUT = 15.0
"""Seconds that the target has after the end to fetch its receipt and log out."""


class Service:
    """Deployments in the making. Use it as an async context manager."""

    def __init__(
        self,
        state_dir: Path,
        *,
        clock: Callable[[], float],
        address: str,
        ftp_port: int,
        limits: FtpLimits | None = None,
        listening: OpenPorts | None = None,
        typed: TypedSteps = nothing_typed,
        before_wire: Callable[[], str] | None = None,
        http_port: int | None = None,
        say: Say = nobody,
        refuse_target: Callable[[str], None] = lambda _target: None,
    ) -> None:
        """`listening` are ports that were opened before; `typed` is what a user types for a host
        and a directory, for the page on the wire. `before_wire` is called, in a thread, before the
        first port is opened there; it gives our second address, and what it raises is what the
        request raises. `http_port` is for the page when none is listening: opened with the first
        offer to a real PC, if that may be. `say` gets lines for people.
        `refuse_target` raises for an address that no old PC on this wire can have.
        """
        self._refuse_target = refuse_target
        self._store = Store(state_dir)
        self._typed = typed
        self._clock = clock
        self._address = address
        self._bus = Bus(self._store)
        self._record = Record(self._store, self._bus, self, clock)
        self._tell = self._record.tell
        self._grants = Grants(self._found, self._agent_for)
        self.agents = Room(self._store, self.publish, self._tell, clock, self._agent_called)
        self._handing = HandingOut(self.agents, self._store.directory)
        self._fetched_by_agent: set[str] = set()
        place = Place(address, ftp_port, http_port, limits, listening, before_wire, say)
        self._servers = Servers(
            place,
            self._grants,
            self._store.inbox,
            self.from_thread,
            self._clock,
            agents=self.agents.doors,
        )
        self._deployments: dict[str, Deployment] = {}
        self._heard: dict[str, float] = {}  # when, by the loop's clock, which nobody sets
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: frozenset[str] = frozenset()
        self._concluding: set[str] = set()
        self._sessions: dict[str, int] = {}
        self._over = False
        self._wire: WireChanged | None = None
        self._offers: dict[str, tuple[Offer, DeploymentStaged, list[Event]]] = {}
        self._ended: deque[str] = deque()
        self._receivers: dict[str, Receiver] = {}
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Service:
        self._loop = asyncio.get_running_loop()
        self.agents.open(self._loop)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._listening is not None:
            self._listening.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        await self._servers.close()
        self.agents.close()
        self._record.close()
        self._over = True
        self._store.close()

    @property
    def address(self) -> str:
        """This machine's address on the wire."""
        return self._address

    @property
    def beside(self) -> str:
        """This machine's second address on the wire that is served, "" for none."""
        return self._servers.beside

    def _addresses(self) -> tuple[str, ...]:
        return self._address, self._servers.beside

    def host_for(self, target: str) -> str:
        """The address of this machine's that a target calls.

        A PC that nobody has configured reaches the second one alone; before the wire is set, that
        is the usual one.
        """
        if not wire.is_link_local(target) or wire.is_link_local(self._address):
            return self._address
        return self._servers.beside or wire.LINK_LOCAL

    def _other_than(self, host: str) -> str:
        """The other address of this machine's on the wire, "" for none."""
        own = self._address if wire.is_link_local(host) else self._servers.beside
        return "" if own == host or own.startswith("127.") else own

    @property
    def ftp_port(self) -> int:
        """Where the server for real targets listens; 0 before the first is offered anything."""
        return self._servers.ftp_port

    def staged(self, deployment: str) -> tuple[Manifest, DeploymentStaged] | None:
        """What was staged under that id, and for whom; None when there is none."""
        if (offered := self._offers.get(deployment)) is not None:
            return offered[0].manifest, offered[1]
        manifest = self._store.manifest(deployment)
        told = self._store.replay(deployment=deployment, kinds=(DeploymentStaged,))
        staged = [event for _seq, event in told if isinstance(event, DeploymentStaged)]
        return (manifest, staged[-1]) if manifest and staged else None

    def left_open(self) -> tuple[str, ...]:
        """Deployments that no process serves although they have not ended, oldest first."""
        return self._store.left_open()

    def abandon(self, deployment: str, path: str) -> None:
        """Fail a deployment that cannot be served again, since that file is gone or has changed."""
        ended = source_changed(deployment, path, self._clock())
        self.publish(replace(ended, reason="its files are gone or have changed"))

    def fail(self, deployment: str, reason: str, error: DeployerError) -> None:
        """End a deployment by what this computer or the line cannot do; not one that has ended."""
        current = self._deployments.get(deployment)
        if current is not None and not current.state.final:
            at, known = self._clock(), form_of(error)
            self._tell(StateChanged(at, deployment, State.FAILED, reason, Cause.ERROR, known))

    @property
    def trouble(self) -> DeployerError | None:
        """What keeps this host from writing down what happens; None when nothing does."""
        return self._record.trouble

    def begun(self, deployment: str) -> int:
        """Number of the event before the one that offers a deployment, the last time.

        Raises DeploymentUnknown.
        """
        numbers = [seq for seq, _event in self._store.replay(0, deployment, (DeploymentStaged,))]
        if not numbers:
            raise DeploymentUnknown(deployment=deployment)
        return numbers[-1] - 1

    def standing(self, deployment: str) -> Deployment:
        """How far a deployment that this service offers has come."""
        return self._deployments[deployment]

    def target_of(self, deployment: str) -> str:
        """The target of a deployment that this service offers, "" for no such one."""
        known = self._deployments.get(deployment)
        return known.target if known is not None else ""

    def has_ended(self, deployment: str) -> bool:
        """Whether a deployment that this service has offered is over."""
        known = self._deployments.get(deployment)
        return known is not None and known.state.final

    def subscribe(self, since: int | None = None) -> AsyncIterator[tuple[int, Event]]:
        """The event stream; see `Bus.subscribe`."""
        self._hear()
        return self._bus.subscribe(since)

    def before(self, most: int) -> Before:
        """The newest rows, all that are open, and how much there is."""
        return replace(past.Rows(self._store).before(most), wire=self._wire)

    def row(self, deployment: str) -> Row | None:
        """How a deployment stands, whoever served it."""
        return self._store.row(deployment)

    def rows(self, target: str, most: int) -> tuple[Row, ...]:
        """How the deployments of a target stand that were staged last; the oldest first."""
        return tuple(self._store.rows(max(most, 0), target))

    def pages(self, target: str) -> CodePages | None:
        """See `past.Rows.pages`."""
        return past.Rows(self._store).pages(target)

    def last_seq(self) -> int:
        """Number of the newest stored event."""
        return self._store.last_seq()

    def newest(self) -> int:
        """Number of the newest event that this process has published."""
        return self._bus.newest

    def arrived(self, manifest: Manifest) -> frozenset[str]:
        """Parts of which the target has said, in any try so far, that they are with it.

        Over a serial line the end of a transfer is such a word; a report replaces what was before.
        """
        here: frozenset[str] = frozenset()
        kinds = (TransferDone, TargetReported)
        for _seq, event in self._store.replay(deployment=manifest.deployment, kinds=kinds):
            match event:
                case TransferDone(name=name, upload=False):
                    here |= {name}
                case TargetReported(report=report) if report.deployment == manifest.deployment:
                    here = proof.parts_here(report, manifest.payload)
        return here

    def output_path(self, deployment: str) -> Path:
        """Where the target's OUTPUT.TXT lies once it has arrived."""
        return self._store.inbox / deployment / OUTPUT_TXT

    @property
    def state_dir(self) -> Path:
        """Where the store is."""
        return self._store.directory

    def simulated_disk(self, target: str = SIM) -> Path:
        """The directory that is drive C: of a simulated PC."""
        name = target.partition(":")[2]
        home = self._store.directory
        return home / "sim-pcs" / name if name else home / "sim-pc"

    def publish(self, event: Event) -> None:
        """Store, publish and act on an event. The loop's thread only; raises as `Record` does."""
        self._record.publish(event)

    def act(self, event: Event, content: bytes | None) -> None:
        """Do what follows from an event that is written; `content` is what an upload holds."""
        current = self._deployments.get(event.deployment)
        if current is None:
            return
        if isinstance(event, ServerListening) and event.deployment in self._offers:
            self._offers[event.deployment][2].append(event)
        moved, commands = advance(current, event)
        self._deployments[event.deployment] = moved
        if moved.last_at != current.last_at:
            self._heard[event.deployment] = self._loop.time()
        for command in commands:
            self._perform(moved.deployment, command, content)
        if moved is not current:
            self._soon(self._wake())

    def take_up(self, manifest: Manifest, target: str, directory: str) -> Manifest:
        """The manifest under the identity of an earlier try that did not come to its end.

        When the last deployment for the target had the same payload, went to the same directory and
        was not proved, its GO.BAT may be running on the target or lie there still; with its id and
        token it simply goes on. Raises TargetBusy when another process delivers to this target.
        """
        self._store.reserve(target)
        before = self._store.newest(target)
        if before is None or content(before) != content(manifest):
            return manifest
        row = self._store.row(before.deployment)
        if row is None or row.state == State.PROVED or row.directory != directory:
            return manifest
        return replace(
            manifest, deployment=before.deployment, login=before.login, token=before.token
        )

    def write_down(self, offer: Offer) -> None:
        """Write an offer down, whatever will carry it; others may cancel it from now.

        The reports of an earlier try are kept, under other names. When it cannot be written down,
        they and all else stay as they were.
        """
        at, identity = self._clock(), offer.deployment
        self._store.keep(offer.manifest, offer.target, at)
        self.publish(told := staged(offer, at))
        set_aside(self._store.inbox, identity, UPLOAD_LIMITS)
        payload = offer.manifest.payload
        self._deployments[identity] = Deployment(
            identity, offer.target, payload, emulated=offer.simulated, last_at=at
        )
        self._heard[identity] = self._loop.time()
        self._offers[identity] = offer, told, []
        self._hear()

    async def deploy(self, offer: Offer) -> None:
        """Write an offer down, and let its target in.

        Starts the FTP server when it does not run yet; raises what that raises.
        """
        manifest, identity, simulated = offer.manifest, offer.deployment, offer.simulated
        places.refuse_ours(manifest.payload, offer.directory)
        plan.refuse_deep(manifest.payload, offer.directory)
        if simulated:
            refuse_unplayable(manifest.payload)
        else:
            self._refuse_target(offer.target)
        receiver = await self.receiver(offer)
        seen = views(offer, receiver, self._clock(), self._typed, self._addresses)
        seen("")
        self.write_down(offer)
        port = await self._servers.serve(emulated=simulated)
        self._refuse_unreachable(offer.target)
        if not simulated:
            await self._servers.open_page()
        self._grants.put(identity, Grant(manifest.token, offer.peer, seen, receiver))
        address = LOOPBACK if simulated else self.host_for(offer.target)
        if not simulated and offer.peer not in (LOOPBACK, ""):
            self._follow(identity, offer.peer)
        if not simulated and self._servers.page_port:  # first, so that a card has it with FTP
            at = self._clock()
            self.publish(ServerListening(at, identity, "http", address, self._servers.page_port))
        self._let_agent_go(offer)  # first, so that a card need not be shown
        self.publish(ServerListening(self._clock(), identity, "ftp", address, port))
        if offer.target == ANY and self.beside:
            self.publish(ServerListening(self._clock(), identity, "ftp", self.beside, port))

    def _found(self, deployment: str, peer: str, at: str) -> None:
        """In a server's thread: a machine has what waited for whoever comes."""
        mac = wire.mac_of(peer)
        self.from_thread(TargetFound(self._clock(), deployment, peer, at, mac))

    def _become(self, deployment: str, peer: str) -> None:
        """It is for this machine now, also for other processes; what it is called stays with it."""
        with contextlib.suppress(TargetBusy):  # of one that has another way to it
            self._store.reserve(peer)
        self._follow(deployment, peer)

    def _let_agent_go(self, offer: Offer) -> None:
        """The agent that is on the target fetches it, if one is there."""
        own = own_directory(offer.directory)  # GO.BAT works there, too, and keeps its lists there
        go = Go(offer.manifest.login, offer.manifest.token, own)
        if self.agents.go(offer.target, offer.peer, go):
            self._fetched_by_agent.add(offer.deployment)

    def _agent_called(self) -> None:
        """What waits for its PC it fetches now, and what it was about when it was cut short.

        A program that was running then may have done its work: only one that goes on where it was
        is started again.
        """
        for identity, (offer, *_told) in tuple(self._offers.items()):
            if offer.line is not None:
                continue
            state = self._deployments[identity].state
            began = identity in self._fetched_by_agent
            running = began and state == State.RUNNING
            cut = running and self.agents.has_left(offer.target, offer.peer, identity)
            resumed = state in (State.FETCHING, State.VERIFYING) or (
                cut and script.goes_on(offer.manifest.payload)
            )
            if state == State.WAITING or (began and resumed):
                with contextlib.suppress(*STORE_TROUBLES):
                    self._let_agent_go(offer)
            elif cut:
                program = offer.manifest.payload.run
                lost = OrderLost(target=offer.target, what=program, text=POWER_WENT)
                self.fail(identity, f"{program}: {POWER_WENT}", lost)

    def _follow(self, deployment: str, peer: str) -> None:
        """Tell when the target appears on the wire, vanishes and returns, until the end."""

        async def follow() -> None:
            changes = wire.follow(peer)
            try:
                async for at, _change, verdict in changes:
                    if self._deployments[deployment].state.final:
                        return
                    here = wire.there(verdict)
                    how, advice = wire.say(peer, verdict), wire.advice(peer, verdict)
                    self._arrived(PresenceChanged(at, deployment, peer, here, how, advice))
            finally:
                await changes.aclose()

        self._soon(follow())

    def _refuse_unreachable(self, target: str) -> None:
        """Raises NoLinkLocal for a PC that has no way to any address that is served."""
        known = self._addresses()
        if wire.is_link_local(target) and not any(wire.is_link_local(each) for each in known):
            raise NoLinkLocal(target=target, address=self._address)

    async def receiver(self, offer: Offer) -> Receiver | None:
        """What takes the files of a pull; None for a push. Raises OutputExists."""
        gather, identity = offer.manifest.payload.gather, offer.deployment
        if gather is None:
            return None

        def tell(now: PullProgress) -> None:
            here = PullAdvanced(self._clock(), identity, now.files, now.total, now.here)
            self.from_thread(here)

        def refuse(kind: type[PullRefused | PullStopped], reason: str) -> None:
            error = form_of(kind(target=offer.target, reason=reason))
            at = self._clock()
            self.from_thread(StateChanged(at, identity, State.FAILED, reason, Cause.ERROR, error))

        folder = self._store.inbox / identity / "pull"
        made = await asyncio.to_thread(Receiver, offer.manifest, gather, folder, tell, refuse)
        self._receivers[identity] = made
        return made

    def _hear(self) -> None:
        if self._listening is None:
            self._listening = self._loop.create_task(self._listen())

    async def _listen(self) -> None:
        """Tell what other processes write into the store, and do what they ask for there, such as
        `deployer cancel`.
        """
        version = -1
        while True:
            await asyncio.sleep(_LISTEN_EVERY)
            try:
                if self._store.replaced and self.trouble is None:
                    self._record.suffer(StoreDamaged(path=self.state_dir, why="it was moved away"))
                if (now := self._store.version()) == version or self.trouble is not None:
                    continue
                self._bus.stir()
                for deployment, what in self._store.asked(self._deployments).items():
                    if what == "cancel":
                        self._tell(self._cancelled(deployment, "by the user"))
                version = now
            except StoreDamaged as error:
                self._record.suffer(error)
            except (StoreBusy, StoreFull):  # it is asked for again the next time
                continue

    async def open_for_agents(self, *, simulated: bool) -> None:
        """Let agents call. Raises as `open_wire` does."""
        await self._servers.serve(emulated=simulated)

    def agent_files(self, target: str, host: str) -> tuple[Path, ...]:
        """The files by which an agent comes to a target with a payload; none where one is there.

        Raises ProgramDamaged, DirectoryForbidden, StoreBusy, StoreFull.
        """
        if self.agents.at(target, target):
            return ()
        return self._handing.beside(target, host, self._port_of_agents, self._other_than(host))

    @property
    def _port_of_agents(self) -> int:
        """The simulated PC's network knows the usual port only, and so does FTP.EXE."""
        return self._servers.ftp_port or 21

    def _agent_for(self, peer: str, at: str) -> bytes:
        """In a thread of the page: the agent for the machine at `peer`, b"" when there is none."""

        async def hand_out() -> bytes:
            also = self._other_than(at)
            return self._handing.to_browser(peer, at, self._port_of_agents, also)

        try:
            return asyncio.run_coroutine_threadsafe(hand_out(), self._loop).result(_HAND_OUT)
        except (DeployerError, TimeoutError):
            return b""

    def brought(self, agent: str) -> frozenset[str]:
        """Paths of what deployments have brought to the PC of an agent, in upper case."""
        row = self.agents.find(agent)
        found = set()
        for _seq, event in self._store.replay(kinds=(DeploymentStaged,)):
            if isinstance(event, DeploymentStaged) and event.target in (row.target, row.address):
                for file in event.files:
                    place = file.place.replace("/", "\\") or file.name
                    found.add(f"{event.directory}\\{place}".upper())
        return frozenset(found)

    async def open_wire(self) -> None:
        """Serve on the wire before anything is offered: FTP, and the page where its port is open.

        Raises PortBusy, PortForbidden or AddressMissing.
        """
        await self._servers.serve(emulated=False)
        await self._servers.open_page()

    async def finished(
        self, deployment: str, *, silence: float | None, while_running: float | None = None
    ) -> Deployment:
        """The deployment when it has ended.

        `silence` is how many seconds the target may be quiet before it fetches, fetching and
        verifying; `while_running` the same while its program runs (None: as long as it takes).
        """
        async with self._changed:
            while not (current := self._deployments[deployment]).state.final:
                patience = while_running if current.state == State.RUNNING else silence
                ours = deployment in self._held or deployment in self._concluding
                if ours or self.trouble is not None:
                    patience = None  # it is we who keep it waiting
                heard = self._heard[deployment]
                left = None if patience is None else heard + patience - self._loop.time()
                try:
                    async with asyncio.timeout(left):  # wait_for may lose a Ctrl-C (Python < 3.12)
                        await self._changed.wait()
                except TimeoutError:
                    latest = self._deployments[deployment]
                    if self._heard[deployment] == heard and not latest.state.final:
                        self._give_up(latest, patience or 0)
        return self._deployments[deployment]

    async def until_logged_out(self, deployment: str) -> None:
        """Wait, but not long, until the target has fetched its receipt and logged out."""
        async with self._changed:
            try:
                async with asyncio.timeout(_LOG_OUT):
                    while self._sessions.get(deployment):
                        await self._changed.wait()
            except TimeoutError:
                return

    def simulated(
        self, target: str, host: str, lines: Sequence[str], options: Sequence[str]
    ) -> tuple[list[str], bytes]:
        """The command of a simulated PC beside this service, which types `lines` and calls it by
        the address `host`, and what its server asks for. Its drive C: stays for the next time.
        """
        disk = self.simulated_disk(target)
        if disk.is_dir():
            files.close_directory(disk)
        arguments = (*_named(target), *options)
        port = self._servers.simulated_port
        command = rehearsal.command(
            host=host, port=port, disk=disk, lines=lines, arguments=arguments
        )
        return command, self._servers.secret

    async def rehearse(
        self,
        deployment: str,
        lines: Sequence[str],
        faults: Sequence[str] = (),
        *,
        unlike: Sequence[str] = (),
        live: bool = False,
    ) -> int:
        """Run a simulated PC beside this host, which types `lines`; its exit code.

        `faults` go wrong with it, the settings `unlike` are the other way round; with `live` it is
        not switched off then. If it ends before the deployment does, that fails.
        """
        offer = self._offers[deployment][0]
        manifest, target = offer.manifest, offer.target
        options = (
            *(f"--fault={fault}" for fault in faults),
            *(f"--unlike={setting}" for setting in unlike),
            f"--codepage={manifest.payload.codepage}",
            *(("--live",) if live else ()),
        )
        arguments, secret = self.simulated(target, manifest.host, lines, options)

        seen = PcScreen(self._loop, self._clock, deployment, self._arrived)
        try:
            code = await rehearsal.run(arguments, secret, seen.line, seen.begun)
        finally:
            seen.show()
        async with self._changed:
            await self._changed.wait_for(lambda: deployment not in self._concluding)
        current = self._deployments[deployment]
        if not current.state.final:
            at = self._clock()
            reason = f"nothing more: it stopped (exit code {code}); before that: {current.last}"
            cause = _silence(current)
            self._arrived(StateChanged(at, deployment, State.FAILED, reason, cause))
        return code

    def cancel(self, deployment: str, why: str = "by the user") -> None:
        """End a deployment that is offered here; nothing happens when it has ended."""
        current = self._deployments.get(deployment)
        if current is not None and not current.state.final:
            self.publish(self._cancelled(deployment, why))

    def _cancelled(self, deployment: str, why: str) -> Event:
        return StateChanged(self._clock(), deployment, State.CANCELLED, why, Cause.USER)

    def pause(self, deployment: str, *, paused: bool) -> None:
        """Hold the next part of a deployment back, or let it go; silence does not count meanwhile.

        Does nothing when it is as asked already, or has ended.
        """
        current = self._deployments.get(deployment)
        if current is None or current.state.final or (deployment in self._held) == paused:
            return
        self._hold(self._held | {deployment} if paused else self._held - {deployment})
        self.publish(PauseChanged(self._clock(), deployment, paused))

    def _hold(self, deployments: frozenset[str]) -> None:
        self._held = deployments
        self._servers.hold(deployments)

    def release(self, offer: Offer) -> None:
        """Let other processes deliver to the target again, and to the machine that it became."""
        self._store.release(offer.target)
        if (known := self._deployments.get(offer.deployment)) is not None:
            self._store.release(known.target)

    def let_go(self, deployment: str) -> None:
        """Nobody looks after it any more; of those that have ended, the oldest are forgotten."""
        if not self.has_ended(deployment):
            return
        self._ended.append(deployment)
        while len(self._ended) > _REMEMBERED:
            gone = self._ended.popleft()
            if gone not in self._ended and self.has_ended(gone):
                for known in (self._deployments, self._heard, self._sessions):
                    known.pop(gone, None)

    def _give_up(self, current: Deployment, patience: float) -> None:
        reason = f"no sign of life for {patience:.0f} s; the last thing it did: {current.last}"
        at, cause = self._clock(), _silence(current)
        self._tell(StateChanged(at, current.deployment, State.FAILED, reason, cause))

    def _soon(self, work: Coroutine[object, object, None]) -> None:
        """Run in the background; the set keeps the task from being collected unfinished."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def from_thread(self, event: Event) -> None:
        """Publish what a thread of ours has seen, from that thread.

        A report is read at once: the next one takes its place.
        """
        content: bytes | None = None
        if isinstance(event, UploadReceived):
            content = files.read_bounded(Path(event.path), UPLOAD_LIMITS[event.name])
        self._loop.call_soon_threadsafe(self._arrived, event, content)

    def settle(self, seconds: float) -> None:
        """In a thread of ours: wait until what it has handed over so far has been acted on."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(done.set)
        done.wait(seconds)

    def may_write(self, may: bool) -> None:
        """What happens cannot be written down any more, or can be again."""
        self._grants.refuse_for_now(refused=not may)
        self.agents.doors.not_now = not may
        if may:
            now = self._loop.time()
            self._heard = dict.fromkeys(self._heard, now)  # they could not be heard meanwhile
            self._soon(self._wake())

    def begin_anew(self) -> None:
        """Write what is under way into a store that is new."""
        for identity, (offer, begun, told) in self._offers.items():
            if self._store.row(identity) is None:
                at, current = self._clock(), self._deployments[identity]
                self._store.keep(offer.manifest, offer.target, at)
                for event in (begun, *told, StateChanged(at, identity, current.state)):
                    self._bus.publish(replace(event, at=at))

    def _arrived(self, event: Event, content: bytes | None = None) -> None:
        if self._over:  # a thread was late
            return
        match event:
            case WireChanged():
                self._wire = event
            case LoginAccepted(deployment=identity):
                self._sessions[identity] = self._sessions.get(identity, 0) + 1
            case ClientGone(deployment=identity) if self._sessions.get(identity):
                self._sessions[identity] -= 1
                self._soon(self._wake())
        if isinstance(event, TargetFound):
            self._become(event.deployment, event.peer)
            with contextlib.suppress(StoreBusy, StoreFull):
                self._store.devices.seen(event.mac, event.peer, event.at)
        if isinstance(event, LIVE):
            self._record.pass_on(event)
        else:
            self._tell(event, content)
        if isinstance(event, UploadReceived):
            self._grants.read(event.deployment)

    def _perform(self, deployment: str, command: DeploymentCommand, content: bytes | None) -> None:
        match command:
            case Announce(event=event):
                self._tell(event)
            case Conclude(proof=found):
                self._conclude(deployment, found)
            case StopServing():
                self._offers.pop(deployment, None)
                self._fetched_by_agent.discard(deployment)
                self._receivers.pop(deployment, None)
                self._grants.withdraw(deployment)
                self._servers.end(deployment, self._deployments[deployment].state)
                self._hold(self._held - {deployment})
            case ReadUpload(name=name, path=path):
                self._read_upload(deployment, name, Path(path), content)

    def _conclude(self, deployment: str, found: Proof) -> None:
        """End it by its proof: what is proved is what the files are now, or one has changed.

        What is soon read is read at once, the rest in a thread; the target waits for nothing.
        """
        payload = self._deployments[deployment].payload
        receiver = self._receivers.get(deployment)
        if found.proved and receiver is not None:
            if deployment not in self._concluding:
                self._concluding.add(deployment)
                self._soon(self._conclude_pull(found, receiver))
        elif not found.proved and proof.failure(found) != Failure.NOT_VERIFIED:
            self._end(found, "")
        elif payload.total <= _READ_AT_ONCE:
            self._end(found, staging.changed(payload, reading=True))
        elif deployment not in self._concluding:
            self._concluding.add(deployment)
            self._soon(self._conclude_later(found, payload))

    async def _conclude_later(self, found: Proof, payload: Payload) -> None:
        changed = await asyncio.to_thread(staging.changed, payload, reading=True)
        self._concluding.discard(found.deployment)
        self._end(found, changed)
        await self._wake()

    async def _conclude_pull(self, found: Proof, receiver: Receiver) -> None:
        """Make the folder of a pull, and read it back: it is proved by what is on this disk."""
        outcome = await asyncio.to_thread(receiver.finish)
        name, folder = found.deployment, str(outcome.folder)
        self._concluding.discard(name)
        if self._deployments[name].state.final:
            return
        now = receiver.progress()
        done = replace(found, proved=outcome.whole, reason=outcome.reason)
        at = self._clock()
        if outcome.whole:
            self._tell(PullAdvanced(at, name, now.files, now.total, now.here, folder))
            self._end(done, "")
        else:
            target = self._deployments[name].target
            error: DeployerError = PullIncomplete(
                target=target, reason=outcome.reason, folder=folder
            )
            if outcome.stopped:
                error = PullStopped(target=target, reason=outcome.reason)
            self._tell(ProofReceived(at, name, done))
            reason, form = outcome.reason, form_of(error)
            self._tell(StateChanged(at, name, State.FAILED, reason, Cause.PROOF, form))
        await self._wake()

    def _end(self, found: Proof, changed: str) -> None:
        at, name = self._clock(), found.deployment
        for event in (SourceChanged(at, name, changed),) if changed else concluded(found, at):
            if not self._deployments[name].state.final:
                self._tell(event)

    def _read_upload(self, deployment: str, name: str, path: Path, content: bytes | None) -> None:
        data = files.read_bounded(path, UPLOAD_LIMITS[name]) if content is None else content
        at = self._clock()
        if concerns_reports(name):
            report = proof.parse_report(data)
            if name != RESULT_TXT:  # of the machine: whatever it says proves nothing
                report = replace(report, deployment="")
            self._tell(TargetReported(at, deployment, report))
        elif is_output(name):
            text = data.decode("utf-8", "replace")
            shown = text if len(text) <= _TEXT_IN_EVENT else text[-_TEXT_IN_EVENT:]
            self._tell(OutputReceived(at, deployment, len(data), str(path), shown))


def _silence(current: Deployment) -> Cause:
    return Cause.SILENCE if current.called else Cause.NEVER_CALLED


def _named(target: str) -> tuple[str, ...]:
    """The option by which a simulated PC that has a name calls from its own address."""
    return () if target == SIM else (f"--address={loopback(target)}",)
