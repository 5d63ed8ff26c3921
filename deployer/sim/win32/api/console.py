"""The DOS box: standard handles, screen and keyboard."""

from __future__ import annotations

import struct

from deployer.sim.win32.api.files import INVALID_HANDLE, read_line
from deployer.sim.win32.objects import ConsoleInput, ConsoleOutput
from deployer.sim.win32.process import Api, Failed, Process

_STD = {0xFFFFFFF6: 0, 0xFFFFFFF5: 1, 0xFFFFFFF4: 2}
OEM_PAGE = 437
KEY_EVENT = 1
ESC = b"\x1b"


def get_std_handle(p: Process, which: int) -> int:
    if which not in _STD:
        raise Failed(INVALID_HANDLE)
    return p.std[_STD[which]]


def set_std_handle(p: Process, which: int, handle: int) -> int:
    if which not in _STD:
        raise Failed(INVALID_HANDLE)
    p.std[_STD[which]] = handle
    return 1


def write_console(
    p: Process, handle: int, buffer: int, count: int, done: int, _reserved: int
) -> int:
    console = p.target(handle, ConsoleOutput)
    console.write(p.read(buffer, count))
    if done:
        p.put32(done, count)
    return 1


def read_console(
    p: Process, handle: int, buffer: int, count: int, done: int, _reserved: int
) -> int:
    data = read_line(p.target(handle, ConsoleInput), count)
    p.write(buffer, data)
    p.put32(done, len(data))
    return 1


def get_console_mode(p: Process, handle: int, mode: int) -> int:
    p.put32(mode, p.target(handle, ConsoleInput, ConsoleOutput).mode)
    return 1


def set_console_mode(p: Process, handle: int, mode: int) -> int:
    p.target(handle, ConsoleInput, ConsoleOutput).mode = mode
    return 1


def get_console_page(_p: Process) -> int:
    return OEM_PAGE


def get_screen_info(p: Process, handle: int, record: int) -> int:
    p.target(handle, ConsoleOutput)
    p.write(record, struct.pack("<HHHHHHHHHHH", 80, 25, 0, 0, 7, 0, 0, 79, 24, 80, 25))
    return 1


def on_screen(p: Process, handle: int, *_: int) -> int:
    """Cursor and colour: accepted, without effect on the transcript."""
    p.target(handle, ConsoleOutput)
    return 1


def get_input_events(p: Process, handle: int, count: int) -> int:
    p.target(handle, ConsoleInput)
    p.put32(count, 0)
    return 1


def _peek_escape(p: Process, handle: int, record: int, count: int, done: int) -> bool:
    """Esc is the one key that is seen before a line is read; what is typed comes by lines."""
    waits = p.target(handle, ConsoleInput).pending[:1] == ESC and count > 0
    if waits:
        p.write(record, struct.pack("<HHIHHHHI", KEY_EVENT, 0, 1, 1, 0x1B, 1, ESC[0], 0))
    p.put32(done, int(waits))
    return waits


def peek_console_input(p: Process, handle: int, record: int, count: int, done: int) -> int:
    _peek_escape(p, handle, record, count, done)
    return 1


def read_console_input(p: Process, handle: int, record: int, count: int, done: int) -> int:
    if _peek_escape(p, handle, record, count, done):
        console = p.target(handle, ConsoleInput)
        console.pending = console.pending[1:]
    return 1


def flush_input(p: Process, handle: int) -> int:
    p.target(handle, ConsoleInput).pending = b""
    return 1


def yes(_p: Process, *_: int) -> int:
    """For calls that have nothing to do here and succeed."""
    return 1


# Rows of one shape, as in every module here: name, number of arguments, function, failure.
TABLE = {
    "GetStdHandle": Api(1, get_std_handle, 0xFFFFFFFF),
    "SetStdHandle": Api(2, set_std_handle),
    "WriteConsoleA": Api(5, write_console),
    "ReadConsoleA": Api(5, read_console),
    "GetConsoleMode": Api(2, get_console_mode),
    "SetConsoleMode": Api(2, set_console_mode),
    "GetConsoleCP": Api(0, get_console_page),
    "GetConsoleOutputCP": Api(0, get_console_page),
    "GetConsoleScreenBufferInfo": Api(2, get_screen_info),
    "SetConsoleCursorPosition": Api(2, on_screen),
    "SetConsoleTextAttribute": Api(2, on_screen),
    "GetNumberOfConsoleInputEvents": Api(2, get_input_events),
    "PeekConsoleInputA": Api(4, peek_console_input),
    "ReadConsoleInputA": Api(4, read_console_input),
    "FlushConsoleInputBuffer": Api(1, flush_input),
    "SetConsoleCtrlHandler": Api(2, yes),
    "SetConsoleTitleA": Api(1, yes),
    "FreeConsole": Api(0, yes),
}
