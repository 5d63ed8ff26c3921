"""WSOCK32: Winsock 1.1, on the simulated cable."""

from __future__ import annotations

import socket as sockets
import struct

from deployer.sim.win32.process import Answer, Api, Failed, Process, Wait
from deployer.sim.win32.sockets import Interest, TargetSocket

INVALID = 0xFFFFFFFF
WOULD_BLOCK, NOT_A_SOCKET, NOT_CONNECTED, RESET, REFUSED = 10035, 10038, 10057, 10054, 10061
NOT_STARTED, BAD_ARGUMENT, NO_NETWORK, ALREADY = 10093, 10022, 10050, 10037
FIONBIO = 0x8004667E
NO_SUCH_HOST = 11001
MOST = 64
OWN_NAME = b"OLD-PC"


def _fail(p: Process, code: int) -> Failed:
    p.scratch.socket_error = code
    return Failed(code)


def _socket(p: Process, handle: int) -> TargetSocket:
    found = p.scratch.sockets.get(handle)
    if found is None:
        raise _fail(p, NOT_A_SOCKET)
    return found


def startup(p: Process, version: int, record: int) -> int:
    """Answers an error by number, as it does."""
    if version & 0xFF < 1:
        return 10092
    if p.system.link is None:
        return 10091  # WSASYSNOTREADY
    p.scratch.strings["winsock"] = 1
    p.write(record, struct.pack("<HH", 0x0101, 0x0101) + b"Winsock 1.1".ljust(257, b"\0"))
    return 0


def get_last_error(p: Process) -> int:
    return p.scratch.socket_error


def socket(p: Process, family: int, kind: int, _protocol: int) -> int:
    if "winsock" not in p.scratch.strings or p.system.link is None:
        raise _fail(p, NOT_STARTED)
    if (family, kind) != (2, 1):
        raise _fail(p, 10043)
    handle = next(n for n in range(0x50, 0x10000, 4) if n not in p.scratch.sockets)
    p.scratch.sockets[handle] = TargetSocket(p.system.link)
    return handle


def connect(p: Process, handle: int, address: int, size: int) -> int:
    target = _socket(p, handle)
    family, port, *host = struct.unpack(">HH4B", p.read(address, 8)) if size >= 16 else (0, 0)
    if family != 0x0200:
        raise _fail(p, BAD_ARGUMENT)
    if target.sock is not None:
        raise _fail(p, ALREADY)
    try:
        target.connect(".".join(map(str, host)), port)
    except OSError:
        raise _fail(p, NO_NETWORK) from None
    if target.blocking:
        raise _fail(p, BAD_ARGUMENT)  # nothing here blocks: it would stop all programs
    raise _fail(p, WOULD_BLOCK)


def close_socket(p: Process, handle: int) -> int:
    _socket(p, handle).close()
    del p.scratch.sockets[handle]
    return 0


def io_control(p: Process, handle: int, command: int, value: int) -> int:
    if command != FIONBIO:
        raise _fail(p, BAD_ARGUMENT)
    _socket(p, handle).blocking = not p.u32(value)
    return 0


def send(p: Process, handle: int, buffer: int, count: int, _flags: int) -> int:
    target = _socket(p, handle)
    try:
        sent = target.send(p.read(buffer, count)) if target.connected() else None
    except OSError:
        raise _fail(p, RESET) from None
    if sent is None:
        raise _fail(p, REFUSED if target.refused else WOULD_BLOCK)
    return sent


def receive(p: Process, handle: int, buffer: int, count: int, _flags: int) -> int:
    target = _socket(p, handle)
    try:
        data = target.receive(count)
    except OSError:
        raise _fail(p, RESET) from None
    if data is None:
        raise _fail(p, WOULD_BLOCK)
    p.write(buffer, data)
    return len(data)


def _set(p: Process, address: int) -> list[int]:
    if not address:
        return []
    count = p.u32(address)
    if count > MOST:
        raise _fail(p, BAD_ARGUMENT)
    return list(struct.unpack(f"<{count}I", p.read(address + 4, 4 * count)))


def _put_set(p: Process, address: int, handles: list[int]) -> None:
    if address:
        p.write(address, struct.pack(f"<{len(handles) + 1}I", len(handles), *handles))


def select(p: Process, _unused: int, reads: int, writes: int, odd: int, most: int) -> Answer:
    wanted = [_set(p, address) for address in (reads, writes, odd)]
    if not any(wanted):
        raise _fail(p, BAD_ARGUMENT)  # Winsock does not wait for nothing
    targets = {handle: _socket(p, handle) for row in wanted for handle in row}
    until = None
    if most:
        seconds, micro = struct.unpack("<ii", p.read(most, 8))
        until = p.system.clock.ticks() + seconds + micro / 1e6
    p.yielding = True

    def ready() -> int | None:
        found = (
            [h for h in wanted[0] if targets[h].readable()],
            [h for h in wanted[1] if targets[h].connected()],
            [h for h in wanted[2] if targets[h].refused],
        )
        count = sum(map(len, found))
        if not count and (until is None or p.system.clock.ticks() < until):
            return None
        for address, handles in zip((reads, writes, odd), found, strict=True):
            _put_set(p, address, handles)
        return count

    return Wait(ready, until, 0, _interest(targets, wanted))


def _interest(targets: dict[int, TargetSocket], wanted: list[list[int]]) -> Interest:
    def real(handles: list[int]) -> tuple[sockets.socket, ...]:
        found = (targets[handle].sock for handle in handles)
        return tuple(sock for sock in found if sock is not None and sock.fileno() >= 0)

    return Interest(real(wanted[0]), real(wanted[1]))


def host_name(p: Process, buffer: int, size: int) -> int:
    if len(OWN_NAME) >= size:
        raise _fail(p, 10014)
    p.write(buffer, OWN_NAME + b"\0")
    return 0


def host_by_name(p: Process, name: int) -> int:
    """A hostent of this PC itself: its name, no others, its address."""
    if p.text(name).upper().encode() != OWN_NAME or p.system.link is None:
        raise _fail(p, NO_SUCH_HOST)
    address = sockets.inet_aton(p.system.link.address)
    text = p.keep_string("own name", lambda: OWN_NAME + b"\0")
    number = p.keep_string("own address", lambda: address)
    listed = p.keep_string("own addresses", lambda: struct.pack("<II", number, 0))
    return p.keep_string(
        "own host", lambda: struct.pack("<IIHHI", text, listed + 4, 2, len(address), listed)
    )


def internet_address(p: Process, text: int) -> int:
    try:
        return int.from_bytes(sockets.inet_aton(p.text(text)), "little")
    except OSError:
        return INVALID


# Rows of one shape, as in every module here: name, number of arguments, function, failure.
TABLE = {
    "WSAStartup": Api(2, startup),
    "WSAGetLastError": Api(0, get_last_error),
    "socket": Api(3, socket, INVALID),
    "connect": Api(3, connect, INVALID),
    "closesocket": Api(1, close_socket, INVALID),
    "ioctlsocket": Api(3, io_control, INVALID),
    "send": Api(4, send, INVALID),
    "recv": Api(4, receive, INVALID),
    "select": Api(5, select, INVALID),
    "gethostname": Api(2, host_name, INVALID),
    "gethostbyname": Api(1, host_by_name),
    "inet_addr": Api(1, internet_address, INVALID),
}
