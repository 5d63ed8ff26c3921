"""Estimates, the card, the words, the plot, proofs: what the faces say besides the map."""

from __future__ import annotations

import dataclasses
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from deployer.core.payload.fit import Load, PcPace
from deployer.core.payload.modelfile import Checkpoint
from deployer.core.view import Mark, Row, fold_all
from deployer.errors import DeployerError, ProofBroken, SourcesDiffer, WrongUse
from deployer.events import (
    KINDS,
    ClientConnected,
    ClientGone,
    Event,
    LoginAccepted,
    LoginRefused,
    PauseChanged,
    ScreenLine,
    ScreenTyped,
    ServerListening,
    StateChanged,
    TransferDone,
    TransferStarted,
    TransferTick,
)
from deployer.face import card, estimate, history, plot, proofs, push_again, words
from deployer.face.estimate import Habits
from deployer.face.progress import PushProgress
from deployer.host import past
from deployer.host.requests import Check
from deployer.host.service import Service
from deployer.model import LineSettings, Profile, State
from tests.commandline import called
from tests.face.test_tui_screens import EVENTS, NOW, PC, running

ID = "D7F3A21C"
PROFILE = Profile("win98-fat32", 2**31 - 1)


def row(*more: Event, until: int | None = None) -> Row:
    return fold_all([*list(running())[:until], *more])[ID]


def rows() -> list[Row]:
    return list(fold_all(EVENTS).values())


# --- estimates


def test_the_bar_is_full_only_when_it_is_proved() -> None:
    everything = row()
    whole = replace(
        everything, parts={n: replace(p, state="proved") for n, p in everything.parts.items()}
    )
    for state in State:
        done = estimate.left(replace(whole, state=state), Habits(), NOW).done
        assert (done == 1.0) == (state == State.PROVED), state


def test_the_bar_never_goes_back_while_a_part_moves() -> None:
    seen = []
    for moved in range(0, 4 << 20, 1 << 18):
        tick = TransferTick(NOW, ID, PC, "STORI15M.002", moved, 4 << 20)
        seen.append(estimate.left(row(tick), Habits(wire=1e6), NOW).done)
    assert seen == sorted(seen)


def test_habits_come_from_this_target_only() -> None:
    known = estimate.habits(rows(), PC)
    assert known.wire is not None
    assert 900_000 < known.wire < 1_100_000
    assert estimate.habits(rows(), "192.168.1.99") == Habits()
    assert estimate.habits(rows(), PC, but=ID).seen == 1
    assert dict(known.runs) == {"LLAMA98.EXE X": 5.5}


def test_a_run_that_was_seen_before_has_a_time() -> None:
    at = NOW - 2
    run = replace(row(), state=State.RUNNING, run="LLAMA98.EXE X", since=at)
    known = estimate.habits(rows(), PC)
    assert estimate.left(run, known, NOW).seconds == pytest.approx(3.5)
    assert estimate.left(run, Habits(), NOW).seconds is None


def test_the_fit_line_uses_what_the_pc_said_and_has_shown() -> None:
    shape = Checkpoint(64, 172, 5, 8, 4, 512, 512, True)
    load = Load((1_072_924,), 1, 1_072_924, shape)
    fit, line = estimate.fit_line(load, rows(), PC, profile=PROFILE, model="campfire260K.bin")
    assert fit.tokens_source == "measured"
    assert line.startswith("Fits: ")
    assert "46 tok/s (measured)" in line
    _fit, line = estimate.fit_line(load, rows(), "192.168.1.99", profile=PROFILE)
    assert line.startswith("Needs: ")
    assert "(modelled)" in line
    big = dataclasses.replace(load, lengths=(2_000_000_000,))
    assert "Too big on disk: needs " in estimate.fit_line(big, rows(), PC, profile=PROFILE)[1]


# --- words


QUICK = Habits(pace=PcPace(least=0.0, file=0.0, byte=1 / 4e6))


def test_silence_is_named() -> None:
    verifying = replace(row(), state=State.VERIFYING, since=NOW - 8, current="")
    said = words.doing(verifying, QUICK, NOW)
    assert "the PC is verifying, about 15 s (8 s so far)" in said
    late = replace(verifying, since=NOW - 900)
    assert "look at the PC's screen" in words.doing(late, QUICK, NOW)
    assert "nothing has moved for 30 s" in words.doing(row(), Habits(), NOW + 29)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.STAGED, "staged"),
        (State.WAITING, "GO.BAT runs"),
        (State.FETCHING, "fetching part 3 of 16"),
        (State.RUNNING, "the program runs on the PC"),
        (State.PROVED, "proved"),
        (State.FAILED, "failed: it burns"),
        (State.CANCELLED, "cancelled: it burns"),
    ],
)
def test_every_state_has_words(state: State, said: str) -> None:
    reason = "it burns" if state in (State.FAILED, State.CANCELLED) else ""
    assert said in words.doing(replace(row(), state=state, reason=reason), Habits(), NOW)


def test_every_kind_of_event_has_a_sentence_or_none_on_purpose() -> None:
    silent = {"transfer-tick", "upload-received"}
    told = {type(event) for event in EVENTS if words.sentence(event)}
    assert told
    for event in EVENTS:
        tag = next(tag for tag, kind in KINDS.items() if kind is type(event))
        assert bool(words.sentence(event)) != (tag in silent), event


# --- the card


def progress_of_the_card() -> Iterator[tuple[str, list[Event], Mark, str]]:
    called = ClientConnected(NOW, "", PC)
    guest = LoginAccepted(NOW, ID, PC, "anonymous")
    began = TransferStarted(NOW, ID, PC, "GO.BAT", 9)
    got = TransferDone(NOW, ID, PC, "GO.BAT", 9, 0.1)
    runs = LoginAccepted(NOW, ID, PC, ID)
    yield "nothing", [], Mark.NOTHING, "[>] C:\\WINDOWS> FTP 192.168.1.1"
    yield "called", [called], Mark.CALLED, "[>] User:       a"
    yield "guest", [called, guest], Mark.GUEST, "[>] ftp>        get GO.BAT"
    yield "has go", [called, guest, began, got], Mark.HAS_GO, "[>] ftp>        bye"
    yield "go runs", [called, guest, began, got, runs], Mark.GO_RUNS, "[x] C:\\WINDOWS> GO"


@pytest.mark.parametrize(
    ("events", "mark", "line"), [case[1:] for case in progress_of_the_card()],
    ids=[case[0] for case in progress_of_the_card()],
)  # fmt: skip
def test_the_card_follows_what_the_pc_does(events: list[Event], mark: Mark, line: str) -> None:
    waiting = row(*events, until=3)
    assert waiting.mark == mark
    assert f" {line}" in card.followed(waiting)


@pytest.mark.parametrize(
    ("events", "after", "said"),
    [
        ([], 10, ""),
        ([], 61, "WINIPCFG"),
        ([], 151, "PING 192.168.1.1"),
        ([ClientConnected(NOW, "", PC)], 31, "type  a  and Enter"),
        ([LoginRefused(NOW, "", "192.168.1.7", "anonymous", "no")], 1, "Somebody was turned away"),
        ([LoginAccepted(NOW, ID, PC, "anonymous")], 31, "get GO.BAT"),
        ([LoginAccepted(NOW, ID, PC, ID)], 61, "Look at its screen"),
        (
            [LoginAccepted(NOW, ID, PC, ID), StateChanged(NOW, ID, State.VERIFYING)],
            61,
            "it stands at 'Starting the helper': that came damaged",
        ),
        ([PauseChanged(NOW, ID, True)], 999, ""),
        ([StateChanged(NOW, ID, State.FAILED)], 999, ""),
    ],
)
def test_after_a_silence_the_card_says_what_to_check(
    events: list[Event], after: float, said: str
) -> None:
    waiting = replace(row(until=3), since=NOW, seen_at=NOW)
    waiting = fold_all(events, {ID: waiting})[ID]
    hints = "\n".join(card.hints(waiting, NOW + after))
    assert (said in hints) if said else not hints


def test_a_printed_card_is_one_page_with_every_line() -> None:
    page = card.print_html(row())
    ET.fromstring(page.partition("\n")[2])
    for line in card.typed_lines("192.168.1.1"):
        assert line in page
    keys = sum(len(line) + len("\n") for line in card.typed_lines("192.168.1.1"))
    assert keys <= 45
    assert "http://" not in page, "nothing is fetched, and no page is served"
    text = card.print_text(row())
    assert len(text.splitlines()) < 60
    assert max(map(len, text.splitlines())) <= 80


def test_the_browser_is_a_way_when_its_page_is_served() -> None:
    served = replace(row(), protocols=("ftp", "http"))
    assert any("http://192.168.1.1" in line for line in card.card(served))
    assert not any("http://" in line for line in card.card(row()))
    elsewhere = replace(served, page_port=8080)
    assert any("http://192.168.1.1:8080" in line for line in card.card(elsewhere))


@pytest.mark.parametrize("terminal", [False, True])
def test_the_card_is_shown_once_and_knows_the_page(terminal: bool) -> None:
    stream = io.StringIO()
    face = PushProgress(Console(file=stream, width=80, force_terminal=terminal), lambda: NOW)
    for event in running():
        if isinstance(event, ServerListening):
            face.show(ServerListening(event.at, ID, "http", event.address, 80))
        face.show(event)
    face.close()
    assert stream.getvalue().count("With FTP, in Start, Programs, MS-DOS Prompt") == 1
    assert stream.getvalue().count("http://192.168.1.1\n") == 1


# --- progress of push


def live(width: int, *more: Event, at: float = NOW) -> str:
    stream = io.StringIO()
    face = PushProgress(
        Console(file=stream, width=width, force_terminal=True, color_system=None, highlight=False),
        lambda: at,
    )
    for event in [*running(), *more]:
        face.show(event)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as captured:
        console.print(face._lines())
    face.close()
    return captured.get()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_live_lines_never_wrap(width: int) -> None:
    shown = live(width).splitlines()
    assert all(len(line) <= width for line in shown)
    assert len(shown) == 3


def test_live_lines_show_all_and_the_part() -> None:
    shown = live(120)
    assert "fetching part 3 of 16, STORI15M.002" in shown
    assert "STORI15M.002  3.0 MB of 4.2 MB" in shown
    assert "now 750.0 kB/s, mean 943.7 kB/s" in shown
    assert "left" in shown


def test_the_screen_of_a_simulated_pc_is_in_a_frame_with_the_line_that_grows() -> None:
    staged = dataclasses.replace(next(running()), target="sim", emulated=True)
    stream = io.StringIO()
    console = Console(
        file=stream, width=60, height=24, force_terminal=True, color_system=None, highlight=False
    )
    face = PushProgress(console, lambda: NOW)
    face.show(staged)
    face.show(ServerListening(NOW, ID, "ftp", "127.0.0.1", 21))
    face.show(ScreenLine(NOW, ID, "first line\nRUN IT.EXE"))
    face.show(ScreenTyped(NOW, ID, "Once upon a time there was a \x1b[2J" + "long word " * 6))
    aside = Console(file=io.StringIO(), width=60, color_system=None)
    with aside.capture() as captured:
        aside.print(face._lines())
    frame = captured.get().splitlines()[-16:]
    assert [len(line) for line in frame] == [60] * 16
    assert frame[0].startswith("┌─ The simulated PC ─")
    inside = [line.strip("│").strip() for line in frame[1:-1]]
    assert inside[:3] == [
        "first line",
        "RUN IT.EXE",
        "Once upon a time there was a ?[2Jlong word long word",
    ]
    assert inside[3].endswith("long word _")
    face.show(ScreenLine(NOW, ID, "whole"))
    assert face._row().typed == ""  # type: ignore[union-attr]
    face.close()


def test_absence_is_noted() -> None:
    gone, back = ClientGone(NOW, ID, PC), LoginAccepted(NOW + 400, ID, PC, ID)
    stream = io.StringIO()
    face = PushProgress(Console(file=stream, width=80), lambda: NOW)
    for event in [*running(), gone, back]:
        face.show(event)
    assert "The PC is back after 6 min 40 s." in stream.getvalue()


# --- the command line again


@pytest.mark.parametrize(
    ("run", "recipe", "expected"),
    [
        ("", "files", "--no-run"),
        ("A.EXE /X", "files", "--run 'A.EXE /X'"),
        (
            'LLAMA98.EXE M.BIN -z T.BIN -t 0.8 -n 9 -i "Once upon"',
            "llama98",
            "--recipe llama98 --temperature 0.8 --steps 9 --prompt 'Once upon'",
        ),
        (
            'LLAMA98.EXE M.BIN -z T.BIN -i "a \\"b\\""',
            "llama98",
            """--recipe llama98 --prompt 'a "b"'""",
        ),
        ("LLAMA98.EXE M.BIN -z T.BIN -i it's -q 0", "llama98", """'it'"'"'s' --quantise 0"""),
        (
            "LLAMA98.EXE M.BIN -z T.BIN -x 4772c3b6c39f650a -q 0",
            "llama98",
            "llama98 --prompt 'Größe\n' --quantise 0 '/x",
        ),
        (
            "LLAMA98.EXE M.BIN -z T.BIN -i -t -q 0",
            "llama98",
            "llama98 --prompt -t --quantise 0 '/x",
        ),
    ],
)
def test_the_command_line_pushes_the_same(run: str, recipe: str, expected: str) -> None:
    made = push_again.push_again(
        replace(row(), run=run, recipe=recipe), ["/x/LLAMA98.EXE", "/x/my model.bin"]
    )
    assert expected in made
    assert made.endswith("'/x/my model.bin'")
    assert ("LLAMA98.EXE" in made.replace(run, "")) == (recipe == "files")


def test_the_command_line_sets_a_serial_line_as_it_was() -> None:
    line = LineSettings(9600, "xonxoff")
    over = replace(row(), target="serial:/dev/ttyS0", line=line)
    assert "--speed=9600 --flow=xonxoff" in push_again.push_again(over, [])
    assert "--speed" not in push_again.push_again(row(), [])


# --- the plot


def test_the_svg_is_well_formed_and_names_what_it_shows(tmp_path: Path) -> None:
    picture = tmp_path / "h.svg"
    plot.write(rows(), picture)
    root = ET.fromstring(picture.read_text(encoding="utf-8"))
    words_in = "".join(root.itertext())
    assert {"transfer rate, kB/s", "tok/s"} <= set(root.itertext())
    assert PC in words_in


@pytest.mark.needs("pillow")
def test_the_png_is_a_png(tmp_path: Path) -> None:
    picture = tmp_path / "h.png"
    plot.write(rows(), picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "what"), [("h.gif", "not known"), ("no/h.svg", "cannot be")])
def test_a_picture_that_cannot_be_made_says_why(tmp_path: Path, name: str, what: str) -> None:
    with pytest.raises(WrongUse, match=what):
        plot.write(rows(), tmp_path / name)


def test_nothing_to_plot_is_said() -> None:
    with pytest.raises(WrongUse, match="nothing to plot"):
        plot.drawing([])


@pytest.mark.parametrize(("value", "top"), [(0.0, 1.0), (3.0, 5.0), (10.0, 10.0), (1049.0, 2000.0)])
def test_axes_end_at_round_numbers(value: float, top: float) -> None:
    assert plot.nice_top(value) == top


# --- the commands


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with the events of the golden screens."""
    service = Service(tmp_path, clock=lambda: NOW, address="127.0.0.1", ftp_port=0)
    for event in EVENTS:
        service.publish(event)
    service._store.close()
    return tmp_path


def call(store: Path, *arguments: str) -> str:
    return called(*arguments, "--state-dir", str(store))


def test_card_prints_a_page_beside_the_old_pc(store: Path, tmp_path: Path) -> None:
    assert "[x] ftp>        get GO.BAT" in call(store, "card", ID)
    assert "Before: Start, Run, WINIPCFG" in call(store, "card", ID, "--print")
    page = tmp_path / "card.html"
    assert "lay it beside" in call(store, "card", ID.lower(), "--print", str(page))
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_history_of_a_target_and_its_plot(store: Path, tmp_path: Path) -> None:
    assert "D0000002" not in call(store, "history", "--target", PC)
    told = call(store, "history", "--target", PC)
    assert "1 of 2 deployments proved." in told
    assert "Engine: 46.1 tok/s at best" in told
    assert "The PC says: system Windows 98" in told
    picture = tmp_path / "x.svg"
    assert "x.svg: transfer rates" in call(store, "history", "--plot", str(picture))
    assert picture.stat().st_size > 1000


def test_an_unknown_deployment_is_named(store: Path) -> None:
    for command in ("card", "proof"):
        with pytest.raises(DeployerError, match="D1234567"):
            call(store, command, "D1234567")


def test_a_proof_that_does_not_hold_is_refused() -> None:
    proved = fold_all(EVENTS)["D0000001"]
    good, bad = Check("verdict", True, "x"), Check("verdict", False, "proves nothing")
    proofs.refuse_broken(proved, [good, Check("A.BIN", None, "there is no such file")])
    with pytest.raises(SourcesDiffer, match="another file now") as caught:
        proofs.refuse_broken(proved, [good, Check("A.BIN", False, "another file now")])
    assert caught.value.exit_code == 5
    with pytest.raises(ProofBroken, match="proves nothing"):
        proofs.refuse_broken(proved, [good, bad])
    assert "[WRONG] verdict: proves nothing" in "\n".join(proofs.lines(proved, [bad]))


def test_status_says_what_is_done_now(store: Path) -> None:
    out = call(store, "status")
    assert "fetching part 3 of 16, STORI15M.002" in out
    assert "stories15M.bin and 1 more" in out
    assert all(not line.endswith("...") for line in out.splitlines()), "piped lines are whole"


def test_history_has_rate_and_speed_in_columns(store: Path) -> None:
    head, *lines = call(store, "history").splitlines()
    place = head.index("tok/s")
    proved = next(line for line in lines if "D0000001" in line)
    assert proved[place : place + 5].strip() == "46.1"
    assert "975.4 kB/s" in proved


def test_history_for_machines_carries_the_proof(store: Path) -> None:
    found = [json.loads(line) for line in call(store, "history", "--json").splitlines()]
    by_id = {entry["deployment"]: entry for entry in found}
    assert by_id["D0000001"]["proof"]["tokens_per_second"] == 46.1
    assert by_id[ID]["proof"] is None
    assert by_id[ID]["refetched"] == ["STORI15M.002"]


def test_history_shows_the_newest_and_says_how_many_are_older(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = call(store, "history").splitlines()[1:]
    last = call(store, "history", "--limit", "1").splitlines()[1:]
    assert last[0] == every[len(rows()) - 1]
    assert last[-1] == f"{len(rows()) - 1} older deployments: deployer history --all"
    monkeypatch.setattr(history, "PAGE", 1)
    assert call(store, "history").splitlines()[1:] == last
    assert call(store, "history", "--all").splitlines()[1:] == every
    assert len(call(store, "history", "--json").splitlines()) == len(rows())
    assert len(call(store, "history", "--json", "--limit", "1").splitlines()) == 1


def test_a_narrow_terminal_cuts_lines_and_wraps_none(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    out: list[str] = []
    with past.rows_of(store) as known:
        history.history(known, None, None, out.append, as_json=False)
        history.status(known, out.append, as_json=False, now=NOW)
    table = [line for line in out if not line.startswith("*")]
    assert all(len(line.rstrip("\n")) <= 40 for line in table)
