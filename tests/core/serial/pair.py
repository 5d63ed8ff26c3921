"""Both sides of a transfer, with a line that loses between them: for XMODEM and ZMODEM alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Self

from deployer.core.serial import transfer, xmodem, zmodem
from deployer.core.serial.transfer import FileOffer, TransferEvent

Sender = xmodem.XmodemSender | zmodem.ZmodemSender
Receiver = xmodem.XmodemReceiver | zmodem.ZmodemReceiver


def events_of(machine: Sender | Receiver) -> list[TransferEvent]:
    """What a side has to tell, all of it."""
    return list(iter(machine.next_event, None))


@dataclass
class Pair(ABC):
    """Both sides. The messages of each direction are numbered from 1.

    The line swallows those in `lost_there` and `lost_back`, turns a bit in those in `flipped` and
    takes the last `cut` bytes from message `cut_at`. At message `broken_at` the plug is pulled and
    put in again: what is on its way is gone. The receiver refuses a file because of `refuse`.
    """

    files: dict[str, bytes]
    lost_there: frozenset[int] = frozenset()
    lost_back: frozenset[int] = frozenset()
    flipped: frozenset[int] = frozenset()
    broken_at: int = -1
    cut_at: int = -1
    cut: int = 0
    refuse: str = ""
    got: dict[str, bytes] = field(default_factory=dict)
    sent: list[TransferEvent] = field(default_factory=list)
    received: list[TransferEvent] = field(default_factory=list)
    now: float = 0.0
    there: int = 0
    back: int = 0
    name: str = ""

    @abstractmethod
    def sides(self, offers: list[FileOffer]) -> tuple[Sender, Receiver]:
        """The two that talk, at time 0."""

    def run(self) -> Self:
        """Let them talk to the end. Time passes only when both wait."""
        self.s, self.r = self.sides(
            [FileOffer(name, len(data)) for name, data in self.files.items()]
        )
        for _ in range(20_000):
            moved = self.carry()
            if self.s.done and self.r.done:
                return self
            if not moved:
                self.now = min(d for d in (self.s.deadline, self.r.deadline) if d is not None)
                self.s.tick(self.now)
                self.r.tick(self.now)
        raise AssertionError("it never ends")

    def carry(self) -> bool:
        """Take what each has to say to the other; whether there was anything."""
        moved = False
        if out := self.s.data_to_send():
            self.there += 1
            moved = True
            self._arrive(out)
        while (event := self.r.next_event()) is not None:
            self.received.append(event)
            self.take(event)
            moved = True
        if out := self.r.data_to_send():
            self.back += 1
            moved = True
            if self.back not in self.lost_back:
                self.s.receive_data(out)
        while (event := self.s.next_event()) is not None:
            self.sent.append(event)
            moved = True
        if (want := self.s.want) is not None:
            data = list(self.files.values())[want.index]
            self.s.provide(data[want.position : want.position + want.length])
            moved = True
        return moved

    def _arrive(self, out: bytes) -> None:
        if self.there == self.broken_at:
            self.s.line_restored()
            self.r.line_restored()
        elif self.there in self.flipped:
            middle = len(out) // 2
            self.r.receive_data(out[:middle] + bytes((out[middle] ^ 0x40,)) + out[middle + 1 :])
        elif self.there not in self.lost_there:
            self.r.receive_data(out[: -self.cut] if self.there == self.cut_at else out)

    def take(self, event: TransferEvent) -> None:
        """Do what the receiver's owner does: keep the bytes, answer what is asked."""
        match event:
            case transfer.FileOffered(offer=offer):
                self.name = offer.name
                self.got[self.name] = b""
                self.r.accept()
            case transfer.Received(position=position, data=data):
                assert position == len(self.got[self.name]), "bytes come in order, each once"
                self.got[self.name] += data
            case transfer.FileEnded() if self.refuse:
                self.r.refuse(self.refuse)
            case transfer.FileEnded():
                self.r.stored()

    def assert_all_arrived(self, length: int | None = None) -> None:
        """Every file is there, up to `length` bytes of it, and both sides say so."""
        assert {name: data[:length] for name, data in self.got.items()} == self.files
        assert self.sent[-1] == self.received[-1] == transfer.Finished()
        sent = [event.index for event in self.sent if isinstance(event, transfer.FileSent)]
        assert sent == list(range(len(self.files)))
