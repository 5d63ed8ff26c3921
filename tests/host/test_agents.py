"""Agents and their orders: a service, and old PCs that speak the protocol over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import ftplib
import io
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployer.core.agents import order as orders
from deployer.core.agents import words
from deployer.core.agents.verbs import Go, Power, Remove, Run, Screen, Verb
from deployer.core.agents.verbs import List as ListVerb
from deployer.core.agents.verbs import words as words_of
from deployer.core.target import gobat
from deployer.core.target.proof import parse_report
from deployer.edge.ftp.server import FtpLimits
from deployer.edge.store import Store
from deployer.errors import AgentUnknown, NotBrought, WrongUse
from deployer.events import (
    AgentEnrolled,
    AgentGone,
    AgentHello,
    ClientConnected,
    DeploymentStaged,
    Event,
    LoginRefused,
    OrderChanged,
    StateChanged,
    TargetReported,
)
from deployer.host import staging
from deployer.host.agents import room
from deployer.host.local import InProcess
from deployer.host.past import recorded
from deployer.host.requests import AgentRequest, AgentRow, Heard, Order, Request
from deployer.host.service import Service
from deployer.model import Stage, State
from tests.agentpc import STEPS, AgentPC, Program, bitmap
from tests.host.test_service import deliver, report, send, session
from tests.waiting import PATIENCE, free_port, until

ADDRESS = "127.0.0.1"
T = tuple[Any, ...]


@dataclass
class Hosted:
    """A host and one enrolled agent."""

    host: InProcess
    service: Service
    state: Path
    agent: str
    token: str

    def pc(self, **more: Any) -> AgentPC:
        """The old PC on which that agent is."""
        return AgentPC(self.service.ftp_port, self.agent, self.token, **more)

    async def here(self, *, is_it: bool = True) -> AgentRow:
        """Its row, as soon as it is there, or gone."""
        return await eventually(
            lambda: next(
                (
                    r
                    for r in self.service.agents.rows()
                    if r.agent == self.agent and r.here == is_it
                ),
                None,
            )
        )

    async def ask(self, verb: Verb, seconds: float = 60.0, **more: Any) -> str:
        """An order's id."""
        return await self.host.give(AgentRequest(self.agent, words_of(verb), seconds, **more))

    async def end(self, order: str, most: float = PATIENCE) -> tuple[Heard, bytes]:
        """How an order ended, and all that it sent."""
        got, seen = b"", ""
        async with asyncio.timeout(most):
            while True:
                heard = await self.host.heard(order, len(got), seen)
                got, seen = got + heard.data, heard.mark
                if heard.over:
                    return heard, got

    def told(self, kind: type) -> list[Any]:
        """The stored events of a kind."""
        return [event for _seq, event in recorded(self.state) if isinstance(event, kind)]


async def eventually(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := what()):
            await asyncio.sleep(0.01)
        return found


@contextlib.asynccontextmanager
async def hosting(
    state: Path,
    *,
    port: int = 0,
    limits: FtpLimits | None = None,
    agent: tuple[str, str] | None = None,
) -> AsyncIterator[Hosted]:
    async with (
        Service(state, clock=time.time, address=ADDRESS, ftp_port=port, limits=limits) as service,
        InProcess(service, lambda _host, _directory: ()) as host,
    ):
        await service.open_for_agents(simulated=False)
        if agent is None:
            made = service.agents.enrol(ADDRESS, ADDRESS, service.ftp_port)
            agent = made.agent, made.token
        yield Hosted(host, service, state, *agent)


def play(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def run(command: str = "HELLO.EXE", **more: Any) -> Run:
    fields = {"directory": "C:\\DEPLOY", "seconds": 0, "stdin": False, "command": command} | more
    return Run(**fields)


# --- who is there


def test_an_agent_that_calls_is_there_with_what_it_says_of_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc():
                row = await hosted.here()
        assert (row.name, row.address, row.system) == ("pentium", ADDRESS, "4.10.2222")
        assert (row.memory, row.free, row.busy) == (65536, 2048000, "")

    play(scenario)


def test_it_is_found_by_name_address_and_id_and_nobody_else_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc():
                await hosted.here()
                for word in ("pentium", "PENTIUM", ADDRESS, hosted.agent.lower()):
                    assert (await hosted.host.find_agent(word)).agent == hosted.agent
                with pytest.raises(AgentUnknown):
                    await hosted.host.find_agent("192.168.1.77")

    play(scenario)


def test_nothing_of_its_many_connections_is_noise_in_the_record(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc(files={"C:\\A.TXT": b""}):
                await hosted.here()
                for _each in range(3):
                    await hosted.end(await hosted.ask(ListVerb("C:\\")))
                assert len(hosted.told(ClientConnected)) == 1  # before it was known who calls
                assert len(hosted.told(AgentHello)) == 1

    play(scenario)


def test_the_agent_of_another_deployer_is_turned_away_and_told_of_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            strange = AgentPC(hosted.service.ftp_port, "A-0BADF00D", "0" * 32)
            with strange:
                await eventually(lambda: len(strange.refused) > 2)
            assert all(
                line.startswith("530 This host has no such agent") for line in strange.refused
            )
            (told,) = hosted.told(LoginRefused)
            assert (told.login, told.cause) == ("A-0BADF00D", "strange-agent")

    play(scenario)


def test_a_wrong_token_does_not_let_anybody_in(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            rival = AgentPC(hosted.service.ftp_port, hosted.agent, "0" * 32)
            with rival:
                await eventually(lambda: rival.refused)
            assert not (await hosted.host.agents())[0].here

    play(scenario)


def test_a_second_one_with_the_same_id_takes_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc() as first:
                await hosted.here()
                first.off.set()  # it does not call again; its connection stays
                with hosted.pc(name="other"):
                    await eventually(lambda: len(hosted.told(AgentHello)) == 2)
                    order = await hosted.ask(run())
                    assert (await hosted.end(order))[0].stage == Stage.DONE
                    assert not first.done

    play(scenario)


# --- that it is gone


def test_one_that_says_goodbye_is_gone_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc():
                await hosted.here()
                heard, _ = await hosted.end(await hosted.ask(Power(off=True)))
                assert heard.stage == Stage.DONE
                row = await hosted.here(is_it=False)
                assert row.gone == "shutdown"

    play(scenario)


def test_one_whose_connection_breaks_is_gone_at_once_and_back_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc() as pc:
                await hosted.here()
                pc.cut()
                await eventually(lambda: hosted.told(AgentGone))
                await eventually(lambda: len(hosted.told(AgentHello)) == 2)
                assert hosted.told(AgentGone)[0].why == "lost"
                boots = {event.boot for event in hosted.told(AgentHello)}
                assert len(boots) == 1, "its Windows has not started again"

    play(scenario)


def test_one_that_says_nothing_any_more_is_gone_after_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cable is pulled: no end of the connection comes, and no command. A minute, shortened."""
    assert words.LONGEST_WAIT < words.SILENCE <= 60
    monkeypatch.setattr(words, "SILENCE", 0.5)

    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc(wait=0) as pc:  # it asks without a pause, so it is heard
                await hosted.here()
                await asyncio.sleep(1.0)
                assert hosted.service.agents.rows()[0].here
                pc.silent.set()
                assert (await hosted.here(is_it=False)).gone == "silence"
                pc.silent.clear()
                await hosted.here()

    play(scenario)


# --- orders


def test_output_comes_as_it_is_printed_and_the_exit_code_is_the_programs(tmp_path: Path) -> None:
    async def scenario() -> None:
        go_on = asyncio.Event()
        loop = asyncio.get_running_loop()

        def program(running: Program) -> int:
            running.write(b"first\r\n")
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(PATIENCE)
            running.write(b"second\r\n")
            running.close()
            return 7

        async with hosting(tmp_path) as hosted:
            with hosted.pc(play=program):
                await hosted.here()
                order = await hosted.ask(run())
                seen = ""
                while not (heard := await hosted.host.heard(order, 0, seen)).data:
                    seen = heard.mark
                assert (heard.data, heard.over) == (b"first\r\n", False)
                go_on.set()
                heard, output = await hosted.end(order)
                assert (heard.stage, heard.code) == (Stage.DONE, 7)
                assert output == b"first\r\nsecond\r\n"
            stages = [e.stage for e in hosted.told(OrderChanged)]
            assert stages == [Stage.QUEUED, Stage.GIVEN, Stage.TAKEN, Stage.DONE]

    play(scenario)


def test_what_a_program_reads_and_a_long_command_go_with_the_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        got: list[tuple[str, bytes]] = []

        def program(running: Program) -> int:
            got.append((running.run.command, running.given))
            running.close()
            return 0

        stdin = tmp_path / "in.txt"
        stdin.write_bytes(b"one\r\ntwo\r\n")
        long = "X.EXE " + "a" * 600
        async with hosting(tmp_path / "state") as hosted:
            with hosted.pc(play=program):
                for command in ("X.EXE", long):
                    order = await hosted.ask(run(command, stdin=True), carried=stdin)
                    assert (await hosted.end(order))[0].stage == Stage.DONE
                await hosted.end(await hosted.ask(run(long)))
        assert got == [("X.EXE", b"one\r\ntwo\r\n"), (long, b"one\r\ntwo\r\n"), (long, b"")]

    play(scenario)


@pytest.mark.parametrize("refused", ["NO 23", "NO 50"])
def test_an_order_that_was_damaged_on_its_way_is_given_again_with_all_that_goes_with_it(
    tmp_path: Path, refused: str
) -> None:
    """Another number, for this one's is used; who has asked hears of one order, and can end it."""

    async def scenario() -> None:
        def program(running: Program) -> int:
            running.write(running.given)
            running.killed.wait(PATIENCE)
            running.close()
            return 0

        stdin = tmp_path / "in.txt"
        stdin.write_bytes(b"one\r\n")
        async with hosting(tmp_path / "state") as hosted:
            with hosted.pc(play=program, damaged=[refused, refused]) as pc:
                order = await hosted.ask(run(stdin=True), carried=stdin)
                await eventually(lambda: pc.running)
                assert order not in pc.running
                await hosted.host.withdraw(order)
                heard, output = await hosted.end(order)
                assert (heard.stage, heard.text, output) == (Stage.REFUSED, "killed", b"one\r\n")
                assert [name for _id, name in pc.done] == ["Run", "Kill"]

    play(scenario)


def test_what_is_damaged_each_time_is_refused_in_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc(damaged=["NO 23"] * 9) as pc:
                heard, _ = await hosted.end(await hosted.ask(ListVerb("C:\\")))
                assert (heard.stage, heard.code) == (Stage.REFUSED, 23)
                assert heard.text == "its sum is wrong"
                assert len(pc.damaged) == 9 - orders.MOST_TRIES

    play(scenario)


def test_the_screen_is_looked_at_while_a_program_runs(tmp_path: Path) -> None:
    """It may wait at a message box: what is short need not wait for its end."""

    async def scenario() -> None:
        def waiting(running: Program) -> int:
            running.write(b"Press any key\r\n")
            running.killed.wait(PATIENCE)
            running.close()
            return 0

        async with hosting(tmp_path) as hosted:
            with hosted.pc(play=waiting, screen=bitmap()):
                order = await hosted.ask(run())
                await eventually(lambda: hosted.service.agents.rows()[0].busy.startswith("RUN"))
                heard, picture = await hosted.end(
                    await hosted.host.give(AgentRequest(hosted.agent, ("SCREEN",), 60))
                )
                assert (heard.stage, picture) == (Stage.DONE, bitmap())
                await hosted.host.withdraw(order)
                heard, output = await hosted.end(order)
                assert (heard.stage, heard.code, heard.text) == (Stage.REFUSED, 1223, "killed")
                assert output == b"Press any key\r\n"

    play(scenario)


def test_an_order_whose_agent_does_not_come_is_never_done(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            order = await hosted.ask(run(), seconds=0.1)
            heard, _ = await hosted.end(order)
            assert heard.stage == Stage.EXPIRED
            with hosted.pc() as pc:
                await hosted.here()
                await hosted.end(await hosted.ask(ListVerb("C:\\")))
                assert [name for _id, name in pc.done] == ["List"]

    play(scenario)


def test_what_is_withdrawn_before_it_is_given_is_not_given(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            order = await hosted.ask(run())
            await hosted.host.withdraw(order)
            assert (await hosted.end(order))[0].stage == Stage.EXPIRED

    play(scenario)


def test_only_what_a_deployment_brought_is_deleted_without_force(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with pytest.raises(NotBrought):
                await hosted.ask(Remove("C:\\COMMAND.COM"))
            with hosted.pc(files={"C:\\OLD.TXT": b""}) as pc:
                heard, _ = await hosted.end(await hosted.ask(Remove("C:\\OLD.TXT", force=True)))
                assert (heard.stage, pc.files) == (Stage.DONE, {})

    play(scenario)


@pytest.mark.parametrize("given", [("GO", "D1234567", "x", "C:\\D"), ("RUN",), ("LS", ""), ("X",)])
def test_what_no_face_asks_is_refused(tmp_path: Path, given: tuple[str, ...]) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with pytest.raises(WrongUse):
                await hosted.host.give(AgentRequest(hosted.agent, given, 1))

    play(scenario)


def test_what_windows_98_cannot_spell_is_refused_here(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with pytest.raises(WrongUse, match="cannot be asked"):
                await hosted.ask(ListVerb("C:\\\N{SNOWMAN}"))

    play(scenario)


@pytest.mark.parametrize(
    ("pages", "name"), [("1251 866", "\u0416\u0443\u043a.txt"), ("932 932", "\u8868.txt")]
)
def test_names_are_those_of_the_code_page_that_the_pc_has_reported(
    tmp_path: Path, pages: str, name: str
) -> None:
    ansi, oem = map(int, pages.split())

    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            staged = DeploymentStaged(1.0, "D7F3A210", target=ADDRESS, host=ADDRESS,
                                      directory="C:\\DEPLOY", files=(), total=0)  # fmt: skip
            told = parse_report(f"codepage={pages}\r\n".encode())
            for event in (staged, TargetReported(2.0, "D7F3A210", told)):
                hosted.service.publish(event)
            path = f"C:\\{name}"
            with hosted.pc(page=ansi, files={path: b"1"}) as pc:
                row = await hosted.here()
                assert (row.codepage, row.oem_codepage) == (ansi, oem)
                _heard, listing = await hosted.end(await hosted.ask(ListVerb("C:\\")))
                assert listing.decode(f"cp{ansi}").rstrip().endswith(name)
                heard, _data = await hosted.end(await hosted.ask(Remove(path, force=True)))
                assert heard.stage == Stage.DONE
                assert pc.files == {}

    play(scenario)


# --- bad weather


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("verb", [run(), Remove("C:\\A", force=True), Power(off=False)], ids=repr)
def test_a_pc_that_is_switched_off_at_any_step_never_does_an_order_twice(
    tmp_path: Path, step: str, verb: Verb
) -> None:
    """Got, and not in the journal: the host gives it again. Taken: lost. Done: told again."""

    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc(stop_at={step: ""}, files={"C:\\A": b""}) as pc:
                await hosted.here()
                order = await hosted.ask(verb)
                await eventually(lambda: any("-- off" in what for _id, what in pc.done))
                await hosted.here(is_it=False)
                pc.switch_on()
                heard, _ = await hosted.end(order)
                times = [what for _id, what in pc.done if not what.startswith("--")]
                assert len(times) <= 1
                wanted = Stage.LOST if step == "taken" else Stage.DONE
                assert heard.stage == wanted, (heard, pc.done, pc.journal)
                assert len(times) == (step != "taken")

    play(scenario)


def test_a_host_that_starts_again_asks_for_what_it_gave(tmp_path: Path) -> None:
    """The program goes on meanwhile; its output goes on where it was."""

    async def scenario() -> None:
        port = free_port()
        more: list[bytes] = []

        def program(running: Program) -> int:
            running.write(b"before ")
            while not more and not running.killed.wait(0.01):
                pass
            running.write(more[0])
            running.close()
            return 3

        async with hosting(tmp_path, port=port) as hosted:
            pc = hosted.pc(play=program)
            pc.switch_on()
            order = await hosted.ask(run())
            await eventually(lambda: hosted.service.agents.rows()[0].busy)
            while not (await hosted.host.heard(order, 0, "x")).data:
                pass
            who = hosted.agent, hosted.token
        more.append(b"after")
        async with hosting(tmp_path, port=port, agent=who) as hosted:
            heard, output = await hosted.end(order)
            assert (heard.stage, heard.code, output) == (Stage.DONE, 3, b"before after")
            assert [name for _id, name in pc.done] == ["Run"]
            await asyncio.to_thread(pc.switch_off)

    play(scenario)


def test_a_host_that_starts_again_learns_what_was_done_meanwhile(tmp_path: Path) -> None:
    """It gave the order and ended before the answer: it is asked, and not assumed to be done."""

    async def scenario() -> None:
        port = free_port()
        async with hosting(tmp_path, port=port) as hosted:
            pc = hosted.pc(files={"C:\\A": b""}, stop_at={"told": ""})
            pc.switch_on()
            order = await hosted.ask(Remove("C:\\A", force=True))
            await eventually(lambda: any("told" in what for _id, what in pc.done))
            who = hosted.agent, hosted.token
        with contextlib.closing(Store(tmp_path)) as store:
            store.agents._db.run(  # as if the word had not come
                "UPDATE orders SET stage = 'given', final = 0 WHERE id = ?", (order,)
            )
        async with hosting(tmp_path, port=port, agent=who) as hosted:
            assert (await hosted.host.heard(order, 0, "")).stage == Stage.GIVEN
            pc.switch_on()
            assert (await hosted.end(order))[0].stage == Stage.DONE
            assert [what for _id, what in pc.done if what == "Remove"] == ["Remove"]
            await asyncio.to_thread(pc.switch_off)

    play(scenario)


def test_an_order_that_is_never_answered_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cable is pulled, and stays so. A quarter of an hour, shortened."""

    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            hosted.service.agents._away = 0.3
            with hosted.pc(stop_at={"taken": ""}):
                order = await hosted.ask(run())
                heard, _ = await hosted.end(order)
                assert heard.stage == Stage.LOST
                assert "may have been done" in heard.text

    del monkeypatch
    play(scenario)


def test_an_order_is_not_given_late_by_surprise(tmp_path: Path) -> None:
    """It never reached the old PC, and its time is over when that is back: it is not done."""

    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc(stop_at={"got": ""}) as pc:
                await hosted.here()
                order = await hosted.ask(Power(off=False), seconds=0.5)
                await eventually(lambda: pc.done)
                await asyncio.sleep(0.6)
                pc.switch_on()
                heard, _ = await hosted.end(order)
                assert heard.stage == Stage.EXPIRED
                assert [what for _id, what in pc.done] == ["-- off at got"]

    play(scenario)


def test_connections_that_break_again_and_again_lose_and_double_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        text = b"".join(b"line %d of what it prints\r\n" % n for n in range(300))

        def program(running: Program) -> int:
            for n, line in enumerate(text.splitlines(keepends=True)):
                running.write(line)
                if n % 30 == 7:
                    running.cut()
                if n % 50 == 9:
                    running.pc.cut()
            running.close()
            return 5

        async with hosting(tmp_path) as hosted:
            with hosted.pc(play=program) as pc:
                heard, output = await hosted.end(await hosted.ask(run()))
                assert (heard.stage, heard.code) == (Stage.DONE, 5)
                assert output == text
                assert [what for _id, what in pc.done] == ["Run"]

    play(scenario)


def test_much_output_at_once_and_then_none_for_long(tmp_path: Path) -> None:
    """64 KB in a burst, and silence for longer than any other transfer may stand still."""

    async def scenario() -> None:
        def program(running: Program) -> int:
            running.write(b"x" * (64 << 10))
            time.sleep(1.0)
            running.write(b"end")
            running.close()
            return 0

        async with hosting(tmp_path, limits=FtpLimits(stall=0.3)) as hosted:
            with hosted.pc(play=program):
                heard, output = await hosted.end(await hosted.ask(run()))
                assert heard.stage == Stage.DONE
                assert output == b"x" * (64 << 10) + b"end"

    play(scenario)


def test_a_refusal_comes_back_in_the_old_pcs_words(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc():
                heard, _ = await hosted.end(
                    await hosted.host.give(AgentRequest(hosted.agent, ("SCREEN",), 60))
                )
                assert (heard.stage, heard.code) == (Stage.REFUSED, 170)
                assert heard.text == "A DOS program has the whole screen"

    play(scenario)


# --- what an agent may


def test_an_agent_sees_and_stores_nothing_but_what_its_orders_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployer.core.agents.verbs._LISTING", 1000)

    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc(stop_at={"taken": ""}) as pc:
                order = await hosted.ask(ListVerb("C:\\"))
                await eventually(lambda: pc.done)

                def try_it() -> list[str]:
                    refused = []
                    with pc.second() as ftp:
                        for name in ("RESULT.TXT", "A.00000000", f"O.{order}", "..\\A.TXT"):
                            with pytest.raises(ftplib.error_perm) as error:
                                ftp.storbinary(f"STOR {name}", io.BytesIO(b""))
                            refused.append(str(error.value)[:3])
                        with ftp.transfercmd(f"STOR A.{order}") as data:
                            data.sendall(b"x" * 1001)
                            refused.append(ftp.getline()[:3])
                        with pytest.raises(ftplib.error_perm) as error:
                            ftp.retrbinary(f"RETR A.{order}", print)
                        refused.append(str(error.value)[:3])
                    return refused

                assert await asyncio.to_thread(try_it) == ["553"] * 4 + ["552", "550"]

    play(scenario)


def test_site_commands_are_for_agents_and_what_is_no_word_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:

            def try_it() -> list[str]:
                with ftplib.FTP(timeout=PATIENCE) as ftp:
                    ftp.connect(ADDRESS, hosted.service.ftp_port)
                    said = []

                    def say(line: str) -> None:
                        ftp.putline(line)
                        said.append(ftp.getline())

                    ftp.getwelcome()
                    say("SITE HELLO 1")
                    ftp.login(hosted.agent, hosted.token)
                    for word in ("", "HELLO 2", "WAIT x", "DONE 1 OK", "EXEC rm", "WAIT 1"):
                        say(f"SITE {word}")
                    say("SITE HELLO 1 x=y state=busy:zz mem=-1 name=%00%41")
                    say("SITE WAIT 0")
                    say("SITE DONE 00000000 LOST")
                    say("SITE BYE %0d%0a")
                    return said

            said = await asyncio.to_thread(try_it)
            assert [line[:3] for line in said] == ["502", *["501"] * 5, "503", *["200"] * 4]
            assert hosted.told(AgentHello)[0].name == ".A"

    play(scenario)


def test_any_line_ends_the_waiting_for_an_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:

            def try_it() -> float:
                with ftplib.FTP(timeout=PATIENCE) as ftp:
                    ftp.connect(ADDRESS, hosted.service.ftp_port)
                    ftp.login(hosted.agent, hosted.token)
                    ftp.sendcmd("SITE HELLO 1 boot=1")
                    began = time.monotonic()
                    ftp.putline("SITE WAIT 50")
                    ftp.putline("SITE BYE logoff")
                    assert [ftp.getline(), ftp.getline()] == ["200 NONE", "200 BYE"]
                    return time.monotonic() - began

            assert await asyncio.to_thread(try_it) < 40
            assert hosted.told(AgentGone)[0].why == "logoff"

    play(scenario)


def test_one_that_is_removed_is_not_let_in_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc() as pc:
                heard, _ = await hosted.end(
                    await hosted.host.give(AgentRequest(hosted.agent, ("FORGET",), 60))
                )
                assert heard.stage == Stage.DONE
                await eventually(lambda: not hosted.service.agents.rows())
                pc.switch_on()
                await eventually(lambda: pc.refused)

    play(scenario)


def test_one_that_is_gone_for_good_is_dropped_with_all_that_it_sent(tmp_path: Path) -> None:
    """Its open order is told as never done; when it calls after all, it is not let in."""

    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            with hosted.pc(screen=bitmap()) as pc:
                await hosted.here()
                assert (await hosted.end(await hosted.ask(Screen())))[0].stage == Stage.DONE
                with pytest.raises(WrongUse, match="is there"):
                    await hosted.host.drop_agents("pentium")
                pc.switch_off()
                await hosted.here(is_it=False)
                order = await hosted.ask(run())
                (dropped,) = await hosted.host.drop_agents("pentium")
                assert dropped.agent == hosted.agent
                assert (await hosted.end(order))[0].stage == Stage.EXPIRED
                assert hosted.told(AgentGone)[-1].why == "dropped"
                assert await hosted.host.agents() == ()
                assert not list((tmp_path / "inbox").rglob("*.*"))
                with pytest.raises(AgentUnknown):
                    await hosted.host.drop_agents("pentium")
                pc.switch_on()
                await eventually(lambda: pc.refused)

    play(scenario)


def test_of_two_of_one_name_only_the_one_that_is_away_is_dropped(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            old = hosted.service.agents.enrol("10.0.0.1", ADDRESS, 21, "pentium")
            hosted.service.agents.enrol("10.0.0.2", ADDRESS, 21, "other")
            with hosted.pc():
                await hosted.here()
                (dropped,) = await hosted.host.drop_agents("pentium")
                left = [row.agent for row in await hosted.host.agents()]
                assert (dropped.agent, hosted.agent in left) == (old.agent, True)

    play(scenario)


# --- pushes


def fetched(port: int) -> Callable[[Go], None]:
    """What GO does there, with the manifest of the host beside it."""

    def go(verb: Go) -> None:
        manifest = until(lambda: next((m for m in MANIFESTS if m.deployment == verb.user), None))
        assert verb.password == manifest.token
        assert verb.directory == "C:\\DEPLOY", "the helper works where GO.BAT has it work"
        deliver(port, manifest)

    return go


MANIFESTS: list[Any] = []


async def push(hosted: Hosted, folder: Path) -> str:
    path = folder / "payload.bin"
    path.write_bytes(bytes(range(256)) * 300)
    request = Request((path,), run="payload.bin", part_size=64 << 10)
    order = Order(request, ADDRESS, directory="C:\\My Game", host=ADDRESS)
    deployment = await hosted.host.push(order)
    staged = hosted.service.staged(deployment)
    assert staged is not None
    MANIFESTS.append(staged[0])
    return deployment


def states(events: list[Event], deployment: str) -> list[State]:
    return [e.state for e in events if isinstance(e, StateChanged) and e.deployment == deployment]


@pytest.mark.parametrize("first", ["agent", "push"])
def test_a_push_goes_through_the_agent_whoever_comes_first(tmp_path: Path, first: str) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path / "state") as hosted:
            pc = hosted.pc(go=fetched(hosted.service.ftp_port))
            if first == "agent":
                pc.switch_on()
                await hosted.here()
            deployment = await push(hosted, tmp_path)
            if first == "push":
                pc.switch_on()
            await eventually(lambda: hosted.service.has_ended(deployment))
            await eventually(lambda: State.PROVED in states(hosted.told(StateChanged), deployment))
            await eventually(lambda: Stage.DONE in [e.stage for e in hosted.told(OrderChanged)])
            (queued, *_rest) = hosted.told(OrderChanged)
            assert (queued.what, queued.deployment) == (f"GO {deployment}", deployment)
            assert [name for _id, name in pc.done] == ["Go"]
            password = staging.new_token()
            assert password not in str(hosted.told(OrderChanged))
            await asyncio.to_thread(pc.switch_off)

    play(scenario)


def test_a_push_whose_order_was_damaged_on_its_way_is_fetched_all_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path / "state") as hosted:
            with hosted.pc(go=fetched(hosted.service.ftp_port), damaged=["NO 23"]):
                deployment = await push(hosted, tmp_path)
                await eventually(
                    lambda: State.PROVED in states(hosted.told(StateChanged), deployment)
                )
                await eventually(lambda: Stage.DONE in [e.stage for e in hosted.told(OrderChanged)])
            told = [
                e for e in hosted.told(OrderChanged) if e.stage in (Stage.QUEUED, Stage.REFUSED)
            ]
            assert [e.stage for e in told] == [Stage.QUEUED, Stage.QUEUED, Stage.REFUSED]
            assert told[2].order == told[0].order, "no end of it is told without another one"

    play(scenario)


def test_a_push_that_was_cut_short_there_goes_on_when_the_agent_is_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path / "state") as hosted:
            pc = hosted.pc(go=fetched(hosted.service.ftp_port), stop_at={"taken": ""})
            with pc:
                await hosted.here()
                deployment = await push(hosted, tmp_path)
                await eventually(lambda: pc.done)
                await hosted.here(is_it=False)
                pc.switch_on()
                await eventually(
                    lambda: State.PROVED in states(hosted.told(StateChanged), deployment)
                )

                def ends() -> list[Stage]:
                    return [e.stage for e in hosted.told(OrderChanged) if e.stage.final]

                await eventually(lambda: len(ends()) == 2)
                assert ends() == [Stage.LOST, Stage.DONE]

    play(scenario)


@pytest.mark.parametrize("goes_on", [False, True], ids=["a program", "one that goes on"])
def test_a_pc_that_stops_while_a_program_runs_runs_only_that_again_which_goes_on(
    tmp_path: Path, goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ran may have done its work; nobody is left in the dark about it."""
    monkeypatch.setattr("deployer.core.survey.script.goes_on", lambda _payload: goes_on)

    async def scenario() -> None:
        async with hosting(tmp_path / "state") as hosted:
            port = hosted.service.ftp_port

            def go(verb: Go) -> None:
                if [name for _id, name in pc.done] != ["Go"]:
                    return fetched(port)(verb)
                (manifest,) = (m for m in MANIFESTS if m.deployment == verb.user)
                with session(port, manifest) as ftp:
                    send(ftp, "RESULT.TXT", report(manifest, command="JOIN", exit=0))
                pc.off.set()
                pc.cut()
                return None

            pc = hosted.pc(go=go)
            deployment = await push(hosted, tmp_path)
            with pc:
                await eventually(
                    lambda: State.RUNNING in states(hosted.told(StateChanged), deployment)
                )
                await hosted.here(is_it=False)
                pc.switch_on()
                await eventually(lambda: hosted.service.has_ended(deployment))
            last = states(hosted.told(StateChanged), deployment)[-1]
            assert last == (State.PROVED if goes_on else State.FAILED)
            assert len(pc.done) == (2 if goes_on else 1)
            failed = [e for e in hosted.told(StateChanged) if e.state == State.FAILED]
            assert [e.error.kind for e in failed if e.error] == ([] if goes_on else ["OrderLost"])

    play(scenario)


def enrolled(text: bytes) -> dict[str, str]:
    """What an AGENT98.INI says, wherever it stands."""
    lines = text[text.rindex(b"[AGENT98]") :].decode("ascii").splitlines()[1:]
    return dict(line.split("=", 1) for line in lines)


def test_push_stay_brings_an_agent_that_go_bat_starts(tmp_path: Path) -> None:
    """It is the same one the next time, and none when it is there."""

    async def scenario() -> None:
        async with hosting(tmp_path / "state") as hosted:
            path = tmp_path / "a.txt"
            path.write_bytes(b"text")
            order = Order(Request((path,), no_run=True), ADDRESS, host=ADDRESS, stay=True)
            deployment = await hosted.host.push(order)
            staged = hosted.service.staged(deployment)
            assert staged is not None
            files = {file.name: file for file in staged[0].payload.files}
            assert set(files) == {"A.TXT", "AGENT98.EXE", "AGENT98.INI"}
            go_bat = gobat.render(staged[0], "C:\\DEPLOY").decode().splitlines()
            start = go_bat.index("IF EXIST AGENT98.INI AGENT98")
            assert go_bat[start - 1].startswith("ECHO Finished."), "it starts when all is over"
            ini = Path(files["AGENT98.INI"].source)
            assert ini.parent.stat().st_mode & 0o077 == 0, "there is a token in it"
            said = enrolled(ini.read_bytes())
            await hosted.host.cancel(deployment)
            again = await hosted.host.push(order)
            assert again == deployment, "the same files: what lies there goes on"
            await hosted.host.cancel(again)
            with AgentPC(hosted.service.ftp_port, said["id"], said["token"], name="new"):
                await eventually(lambda: any(row.here for row in hosted.service.agents.rows()))
                alone = hosted.service.staged(await hosted.host.push(order))
                assert alone is not None
                assert [file.name for file in alone[0].payload.files] == ["A.TXT"]

    play(scenario)


def test_the_second_link_of_the_page_gives_an_agent_that_then_fetches_the_push(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path / "state") as hosted:
            deployment = await push(hosted, tmp_path)
            give = hosted.service._agent_for
            first = await asyncio.to_thread(give, ADDRESS, ADDRESS)
            assert first == await asyncio.to_thread(give, ADDRESS, ADDRESS), "a browser asks twice"
            assert first[:2] == b"MZ"
            said = enrolled(first)
            assert (said["host"], said["stay"]) == (ADDRESS, "1")
            go = fetched(hosted.service.ftp_port)
            with AgentPC(hosted.service.ftp_port, said["id"], said["token"], go=go):
                await eventually(
                    lambda: State.PROVED in states(hosted.told(StateChanged), deployment)
                )
            assert said["token"] not in str(hosted.told(AgentEnrolled)), "nobody else learns it"

    play(scenario)


def test_32_agents_wait_without_a_thread_each(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path) as hosted:
            made = [
                hosted.service.agents.enrol(f"10.0.0.{n}", ADDRESS, hosted.service.ftp_port)
                for n in range(32)
            ]

            def call_all() -> list[ftplib.FTP]:
                sessions = []
                for each in made:
                    ftp = ftplib.FTP(timeout=PATIENCE)
                    ftp.connect(ADDRESS, hosted.service.ftp_port)
                    ftp.login(each.agent, each.token)
                    ftp.sendcmd("SITE HELLO 1 boot=1")
                    ftp.putline("SITE WAIT 50")
                    sessions.append(ftp)
                return sessions

            before = threading.active_count()
            sessions = await asyncio.to_thread(call_all)
            assert threading.active_count() <= before + 1
            assert sum(row.here for row in hosted.service.agents.rows()) == 32
            for session in sessions:
                session.close()

    play(scenario)


def test_how_long_is_waited_is_what_the_docs_say() -> None:
    assert (room.AWAY, words.SILENCE, words.LONGEST_WAIT) == (900, 60, 50)
