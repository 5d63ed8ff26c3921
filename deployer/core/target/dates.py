"""Dates as FAT keeps them: local time in steps of two seconds, from 1980 to 2107 (facts C9)."""

from __future__ import annotations

import datetime

_FIRST, _LAST = 1980, 2107


def packed(local: datetime.datetime) -> int:
    """The date in the upper 16 bits, the time in the lower; the nearest there is."""
    if local.year < _FIRST:
        local = datetime.datetime(_FIRST, 1, 1)  # noqa: DTZ001 - FAT knows local time only
    elif local.year > _LAST:
        local = datetime.datetime(_LAST, 12, 31, 23, 59, 58)  # noqa: DTZ001
    date = local.year - _FIRST << 9 | local.month << 5 | local.day
    return date << 16 | local.hour << 11 | local.minute << 5 | local.second // 2
