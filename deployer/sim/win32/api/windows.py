# ruff: noqa: PLR0917 - the signatures are USER32's
"""USER32: windows, messages, message boxes, the keyboard, and the end of Windows."""

from __future__ import annotations

import struct

from deployer.sim.win32.desktop import HEIGHT, WIDTH, Desktop, SessionEnd, Window
from deployer.sim.win32.process import Answer, Api, Callback, Failed, Process, Wait, encode

INVALID_WINDOW, INVALID_PARAMETER, NO_CLASS = 1400, 87, 1407
WM_NCCREATE, WM_CREATE, WM_SETTEXT, WM_GETTEXT, WM_CLOSE = 0x81, 1, 12, 13, 16
WM_QUERYENDSESSION, WM_ENDSESSION = 17, 22
_ANYWHERE = 0x80000000
_VISIBLE, _CHILD = 0x10000000, 0x40000000
_BUILT_IN = ("STATIC", "BUTTON", "EDIT", "LISTBOX")
_SMALL = (6, 7)  # SW_MINIMIZE, SW_SHOWMINNOACTIVE
_ANSWERS = {"OK": 1, "Cancel": 2, "Yes": 6, "No": 7}
_PM_REMOVE = 1


def desktop(p: Process) -> Desktop:
    """The desktop; a run without one has no windows at all."""
    if p.system.desktop is None:
        raise Failed(INVALID_WINDOW)
    return p.system.desktop


def window(p: Process, handle: int) -> Window:
    """The window of a handle; else ERROR_INVALID_WINDOW_HANDLE."""
    found = desktop(p).find(handle)
    if found is None:
        raise Failed(INVALID_WINDOW)
    return found


def register_class(p: Process, record: int) -> int:
    proc, name = p.u32(record + 4), p.text(p.u32(record + 36))
    desktop(p).classes[p, name.upper()] = proc
    return 0xC000 + len(desktop(p).classes)


def create_window(
    p: Process, _extended: int, class_name: int, title: int, style: int, x: int, y: int, width: int,
    height: int, parent: int, menu: int, _instance: int, _context: int,
) -> Answer:  # fmt: skip
    name, screen = p.text(class_name), desktop(p)
    proc = screen.classes.get((p, name.upper()), 0)
    if not proc and name.upper() not in _BUILT_IN:
        raise Failed(NO_CLASS)
    made = screen.add(
        Window(
            0, p, name.upper() if not proc else name, p.text(title) if title else "", proc,
            window(p, parent) if style & _CHILD else None, menu & 0xFFFF if style & _CHILD else 0,
            bool(style & _VISIBLE), 8 if x == _ANYWHERE else x, 8 if y == _ANYWHERE else y,
            min(width, WIDTH - 16), min(height, HEIGHT - 16),
        )
    )  # fmt: skip
    if not proc:
        return made.handle

    def created(result: int) -> Answer:
        if result == 0xFFFFFFFF:
            screen.windows.remove(made)
            return 0
        return made.handle

    def accepted(result: int) -> Answer:
        if not result:
            screen.windows.remove(made)
            return 0
        return Callback(proc, (made.handle, WM_CREATE, 0, 0), created)

    return Callback(proc, (made.handle, WM_NCCREATE, 0, 0), accepted)


def default_procedure(p: Process, handle: int, message: int, _w: int, l: int) -> int:  # noqa: E741
    match message:
        case 0x81 | 17:  # WM_NCCREATE, WM_QUERYENDSESSION
            return 1
        case 12:  # WM_SETTEXT
            window(p, handle).text = p.text(l)
            return 1
        case 16:  # WM_CLOSE
            destroy(p, window(p, handle))
    return 0


def destroy(p: Process, gone: Window) -> None:
    """Take a window and what lies in it away."""
    screen = desktop(p)
    screen.windows = [w for w in screen.windows if w is not gone and w.parent is not gone]


def show_window(p: Process, handle: int, how: int) -> int:
    shown = window(p, handle)
    before, shown.shown = shown.shown, how != 0 and how not in _SMALL
    return int(before)


def set_window_text(p: Process, handle: int, text: int) -> int:
    window(p, handle).text = p.text(text)
    return 1


def get_class_name(p: Process, handle: int, buffer: int, size: int) -> int:
    text = encode(window(p, handle).kind)[: max(0, size - 1)]
    p.write(buffer, text + b"\0")
    return len(text)


def peek_message(
    p: Process, record: int, _window: int, _first: int, _last: int, remove: int
) -> int:
    found = desktop(p).next(p, remove=bool(remove & _PM_REMOVE))
    if found is None:
        return 0
    ticks = int(p.system.clock.ticks() * 1000) & 0xFFFFFFFF
    p.write(record, struct.pack(
        "<7I", found.window.handle, found.number, found.w, found.l, ticks, 0, 0
    ))  # fmt: skip
    return 1


def dispatch_message(p: Process, record: int) -> Answer:
    handle, number, w, l, *_ = struct.unpack("<7I", p.read(record, 28))  # noqa: E741
    target, screen = desktop(p).find(handle), desktop(p)
    if target is None or not target.proc:
        return 0

    def done(result: int) -> int:
        if number == WM_ENDSESSION:
            screen.told.add(handle)
        return result

    return Callback(target.proc, (handle, number, w, l), done)


def post_message(p: Process, handle: int, number: int, w: int, l: int) -> int:  # noqa: E741
    desktop(p).post(window(p, handle), number, w, l)
    return 1


def send_message_timeout(
    p: Process, handle: int, number: int, w: int, l: int, _flags: int, _ms: int, result: int,  # noqa: E741
) -> int:  # fmt: skip
    """Only WM_GETTEXT, which every window here answers by itself."""
    if number != WM_GETTEXT:
        raise Failed(INVALID_PARAMETER)
    text = encode(window(p, handle).text)[: max(0, w - 1)]
    p.write(l, text + b"\0")
    if result:
        p.put32(result, len(text))
    return 1


def get_foreground_window(p: Process) -> int:
    return next((w.handle for w in desktop(p).top() if w.shown), 0)


def get_window(p: Process, handle: int, which: int) -> int:
    found, screen = window(p, handle), desktop(p)
    if which == 5:  # GW_CHILD
        return next((w.handle for w in screen.children(found)), 0)
    if which != 2:  # GW_HWNDNEXT
        raise Failed(INVALID_PARAMETER)
    row = screen.children(found.parent) if found.parent else screen.top()
    after = row[row.index(found) + 1 :]
    return after[0].handle if after else 0


def is_window_visible(p: Process, handle: int) -> int:
    return int(window(p, handle).shown)


def enum_windows(p: Process, proc: int, context: int) -> Answer:
    handles = [w.handle for w in desktop(p).top()]

    def step(result: int) -> Answer:
        if not result:
            return 0
        if not handles:
            return 1
        return Callback(proc, (handles.pop(0), context), step)

    return step(1)


def message_box(p: Process, _owner: int, text: int, title: int, kind: int) -> Wait:
    """Waits until somebody clicks; `Desktop.answer` does."""
    screen = desktop(p)
    box = screen.add(Window(0, p, "#32770", p.text(title) if title else "Error", shown=True))
    box.width, box.height = WIDTH - 16, 40
    screen.add(Window(0, p, "STATIC", p.text(text), parent=box))
    buttons = ("Yes", "No") if kind & 15 == 4 else ("OK",)
    p.yielding = True

    def answered() -> int | None:
        if not screen.answers or screen.answers[0] not in buttons:
            return None
        destroy(p, box)
        return _ANSWERS[screen.answers.popleft()]

    return Wait(answered)


def get_system_metrics(_p: Process, which: int) -> int:
    return {0: WIDTH, 1: HEIGHT}.get(which, 0)


def exit_windows(p: Process, how: int, _reserved: int) -> int:
    if p.has_console:  # Q168690: it does not work from a console program
        raise Failed(INVALID_PARAMETER)
    if how & 2:
        desktop(p).end_session(SessionEnd.REBOOT)
    else:
        desktop(p).end_session(SessionEnd.OFF if how & 9 else SessionEnd.LOGOFF)
    return 1


def keybd_event(p: Process, key: int, _scan: int, flags: int, _extra: int) -> int:
    desktop(p).keys.append((key & 0xFF, not flags & 2))
    return 0


def vk_key_scan(_p: Process, character: int) -> int:
    """An American keyboard."""
    sign = chr(character & 0xFF)
    if sign.isascii() and sign.isalnum():
        return ord(sign.upper()) | (0x100 if sign.isupper() else 0)
    plain, shifted = " -=[]\\;',./`", ' _+{}|:"<>?~'
    codes = (0x20, 0xBD, 0xBB, 0xDB, 0xDD, 0xDC, 0xBA, 0xDE, 0xBC, 0xBE, 0xBF, 0xC0)
    if sign in plain:
        return codes[plain.index(sign)]
    if sign in shifted:
        return codes[shifted.index(sign)] | 0x100
    if sign in ")!@#$%^&*(":
        return 0x100 | ord("0") + ")!@#$%^&*(".index(sign)
    return 0xFFFF


def map_virtual_key(_p: Process, key: int, _kind: int) -> int:
    return key & 0x7F  # any number will do for a keyboard that nobody looks at


# Rows of one shape, as in every module here: name, number of arguments, function, failure.
TABLE = {
    "RegisterClassA": Api(1, register_class),
    "CreateWindowExA": Api(12, create_window),
    "DefWindowProcA": Api(4, default_procedure),
    "ShowWindow": Api(2, show_window),
    "SetWindowTextA": Api(2, set_window_text),
    "GetClassNameA": Api(3, get_class_name),
    "PeekMessageA": Api(5, peek_message),
    "TranslateMessage": Api(1, lambda _p, _m: 0),
    "DispatchMessageA": Api(1, dispatch_message),
    "PostMessageA": Api(4, post_message),
    "SendMessageTimeoutA": Api(7, send_message_timeout),
    "GetForegroundWindow": Api(0, get_foreground_window),
    "GetWindow": Api(2, get_window),
    "IsWindowVisible": Api(1, is_window_visible),
    "EnumWindows": Api(2, enum_windows),
    "MessageBoxA": Api(4, message_box),
    "GetSystemMetrics": Api(1, get_system_metrics),
    "ExitWindowsEx": Api(2, exit_windows),
    "keybd_event": Api(4, keybd_event),
    "VkKeyScanA": Api(1, vk_key_scan, 0xFFFF),
    "MapVirtualKeyA": Api(2, map_virtual_key),
}
