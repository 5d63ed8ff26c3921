"""Clocks, calendars and waiting. The target's local time is this computer's."""

from __future__ import annotations

import calendar
import datetime
import struct
import time

from deployer.sim.win32.api.files import INVALID_PARAMETER, filetime, unix_time
from deployer.sim.win32.process import Api, Failed, Process, Wait

PERFORMANCE_HZ = 1_193_182
INFINITE = 0xFFFFFFFF


def get_tick_count(p: Process) -> int:
    return int(p.system.clock.ticks() * 1000)


def query_performance_counter(p: Process, result: int) -> int:
    p.write(result, struct.pack("<Q", int(p.system.clock.ticks() * PERFORMANCE_HZ)))
    return 1


def query_performance_frequency(p: Process, result: int) -> int:
    p.write(result, struct.pack("<Q", PERFORMANCE_HZ))
    return 1


def system_time(when: float, *, local: bool = False) -> bytes:
    """A SYSTEMTIME."""
    t = time.localtime(when) if local else time.gmtime(when)
    weekday = (t.tm_wday + 1) % 7
    ms = int(when * 1000) % 1000
    return struct.pack(
        "<8H", t.tm_year, t.tm_mon, weekday, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, ms
    )


def get_system_time(p: Process, record: int) -> None:
    p.write(record, system_time(p.system.clock.now()))


def get_local_time(p: Process, record: int) -> None:
    p.write(record, system_time(p.system.clock.now(), local=True))


def set_local_time(p: Process, record: int) -> int:
    year, month, _, day, hour, minute, second, ms = struct.unpack("<8H", p.read(record, 16))
    try:
        datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
    except ValueError:
        raise Failed(INVALID_PARAMETER) from None
    if not 1980 <= year < 2100:
        raise Failed(INVALID_PARAMETER)
    p.system.clock.set(time.mktime((year, month, day, hour, minute, second, 0, 0, -1)) + ms / 1000)
    return 1


def get_system_time_as_file_time(p: Process, record: int) -> None:
    p.write(record, struct.pack("<Q", filetime(p.system.clock.now())))


def file_time_to_system_time(p: Process, source: int, target: int) -> int:
    when = unix_time(p.u32(source), p.u32(source + 4))
    if not 0 <= when < 2**40:
        raise Failed(INVALID_PARAMETER)
    p.write(target, system_time(when))
    return 1


def system_time_to_file_time(p: Process, source: int, target: int) -> int:
    year, month, _, day, hour, minute, second, ms = struct.unpack("<8H", p.read(source, 16))
    if not (
        1601 <= year < 9999 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60
    ):
        raise Failed(INVALID_PARAMETER)
    when = calendar.timegm((year, month, day, hour, minute, second)) + ms / 1000
    p.write(target, struct.pack("<Q", filetime(when)))
    return 1


def file_time_to_local(p: Process, source: int, target: int) -> int:
    """The simulated PC's clock on the wall is this computer's."""
    when = unix_time(p.u32(source), p.u32(source + 4))
    p.write(target, struct.pack("<Q", filetime(when + time.localtime(when).tm_gmtoff)))
    return 1


def local_to_file_time(p: Process, source: int, target: int) -> int:
    local = unix_time(p.u32(source), p.u32(source + 4))
    when = time.mktime((*time.gmtime(local)[:8], -1)) + local % 1
    p.write(target, struct.pack("<Q", filetime(when)))
    return 1


def dos_to_file_time(p: Process, date: int, hour: int, target: int) -> int:
    fields = (date >> 9 & 127) + 1980, date >> 5 & 15, date & 31
    clock = hour >> 11 & 31, hour >> 5 & 63, (hour & 31) * 2
    try:
        local = datetime.datetime(*fields, *clock, tzinfo=datetime.UTC)
    except ValueError as error:
        raise Failed(INVALID_PARAMETER) from error
    p.write(target, struct.pack("<Q", filetime(local.timestamp())))
    return 1


def compare_file_time(p: Process, one: int, other: int) -> int:
    a, b = (int.from_bytes(p.read(x, 8), "little") for x in (one, other))
    return (a > b) - (a < b)


def file_time_to_dos(p: Process, source: int, date: int, hour: int) -> int:
    t = time.gmtime(unix_time(p.u32(source), p.u32(source + 4)))
    if not 1980 <= t.tm_year < 2108:
        raise Failed(INVALID_PARAMETER)
    p.write(date, struct.pack("<H", t.tm_year - 1980 << 9 | t.tm_mon << 5 | t.tm_mday))
    p.write(hour, struct.pack("<H", t.tm_hour << 11 | t.tm_min << 5 | t.tm_sec // 2))
    return 1


def get_time_zone(p: Process, record: int) -> int:
    p.write(record, bytes(172))
    return 0


def sleep(p: Process, milliseconds: int, *_: int) -> Wait:
    p.yielding = True
    return timed_wait(p, lambda: None, milliseconds, 0)


def timed_wait(p: Process, ready: object, milliseconds: int, expired: int) -> Wait:
    """A wait for `ready` that ends after so many milliseconds (INFINITE: never)."""
    assert callable(ready)
    if milliseconds == INFINITE:
        return Wait(ready, None, expired)
    return Wait(ready, p.system.clock.ticks() + milliseconds / 1000, expired)


# Rows of one shape, as in every module here: name, number of arguments, function, failure.
TABLE = {
    "GetTickCount": Api(0, get_tick_count),
    "QueryPerformanceCounter": Api(1, query_performance_counter),
    "QueryPerformanceFrequency": Api(1, query_performance_frequency),
    "GetSystemTime": Api(1, get_system_time),
    "SetLocalTime": Api(1, set_local_time),
    "GetLocalTime": Api(1, get_local_time),
    "GetSystemTimeAsFileTime": Api(1, get_system_time_as_file_time),
    "FileTimeToSystemTime": Api(2, file_time_to_system_time),
    "SystemTimeToFileTime": Api(2, system_time_to_file_time),
    "FileTimeToLocalFileTime": Api(2, file_time_to_local),
    "LocalFileTimeToFileTime": Api(2, local_to_file_time),
    "DosDateTimeToFileTime": Api(3, dos_to_file_time),
    "CompareFileTime": Api(2, compare_file_time),
    "FileTimeToDosDateTime": Api(3, file_time_to_dos),
    "GetTimeZoneInformation": Api(1, get_time_zone),
    "Sleep": Api(1, sleep),
    "SleepEx": Api(2, sleep),
}
