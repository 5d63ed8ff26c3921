"""What an agent says and is told: nothing is lost on its way, and nothing strange raises."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.agents import verbs, words
from deployer.core.agents.verbs import Run, Verb
from deployer.core.agents.words import Bye, Done, Hello, OrderEnd, WaitForOrder

TEXT = st.text(
    st.characters(codec="cp1252", exclude_categories=["Cc", "Cf", "Zl", "Zp", "Zs"]) | st.just(" "),
    min_size=1,
    max_size=60,
)
NUMBER = st.integers(0, 10**9)
SUM = st.text("0123456789abcdef", min_size=64, max_size=64)
VERBS: st.SearchStrategy[Verb] = st.one_of(
    st.builds(verbs.Go, TEXT, TEXT, TEXT),
    st.builds(verbs.Run, TEXT, NUMBER, st.booleans(), TEXT.filter(str.strip)),
    st.builds(verbs.Run, TEXT, NUMBER, st.just(False), TEXT.filter(str.strip), st.just(True)),
    st.builds(verbs.Feed, st.just("0123ABCD"), st.binary(min_size=1, max_size=verbs.MOST_FED)),
    st.builds(verbs.Kill, st.just("0123ABCD")),
    st.builds(verbs.List, TEXT),
    st.builds(verbs.Remove, TEXT, st.booleans()),
    st.builds(verbs.Get, TEXT, NUMBER, NUMBER),
    st.builds(verbs.Put, TEXT, NUMBER, SUM),
    st.builds(verbs.Power, st.booleans()),
    st.builds(verbs.Time, st.just("20010203040506")),
    st.builds(verbs.Keys, TEXT),
    st.builds(verbs.Upgrade, NUMBER, SUM),
    st.sampled_from(
        [verbs.Screen(), verbs.Forget(), verbs.Info(), verbs.Ask()],
    ),
)


@given(TEXT)
def test_a_word_is_what_it_was_and_has_nothing_in_it_that_ends_it(text: str) -> None:
    word = words.encode(text)
    assert not set(word) & set(" \r\n\t\xff")
    assert words.decode(word).replace("\N{NO-BREAK SPACE}", " ") == text


@given(VERBS)
def test_every_order_arrives_as_it_was_given(verb: Verb) -> None:
    assert verbs.parse(verbs.words(verb)) == verb
    try:
        line = verbs.line("0123ABCD", verb)
    except ValueError:
        assert sum(len(words.encode(w)) + 1 for w in verbs.words(verb) if w) > words.MOST - 30
        return
    assert len(line) <= words.MOST
    identity, understood = verbs.understood(line)
    assert identity == "0123ABCD"
    if not verbs.is_long(verb):
        assert understood == verb


def test_a_command_that_is_too_long_goes_in_the_orders_file() -> None:
    verb = Run("C:\\DEPLOY", 0, False, "X.EXE " + "a" * 600)
    assert verbs.is_long(verb)
    assert verbs.understood(verbs.line("0123ABCD", verb))[1] == Run("C:\\DEPLOY", 0, False, "@")


@given(st.text(max_size=600))
def test_whatever_an_agent_says_is_a_word_or_a_refusal(text: str) -> None:
    with contextlib.suppress(ValueError):
        words.parse(text)


@given(st.lists(st.text(max_size=20), max_size=6))
def test_whatever_comes_over_a_socket_is_an_order_or_a_refusal(given: list[str]) -> None:
    with contextlib.suppress(ValueError):
        assert verbs.words(verbs.parse(given))[0] == given[0]


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("WAIT 50", WaitForOrder(50)),
        ("wait 9999", WaitForOrder(50)),
        ("DONE 0123abcd OK 3", Done("0123ABCD", OrderEnd.OK, 3)),
        ("DONE 0123ABCD NO 1460 timed%20out", Done("0123ABCD", OrderEnd.NO, 1460, "timed out")),
        ("DONE 0123ABCD OK -1", Done("0123ABCD", OrderEnd.OK, -1)),
        ("DONE 0123ABCD LOST", Done("0123ABCD", OrderEnd.LOST)),
        ("BYE shutdown", Bye("shutdown")),
        (
            "HELLO 1 boot=AB12 ver=3 name=P%20II win=4.10 cpu=x mem=65536 free=1"
            " state=busy:0123abcd y",
            Hello("AB12", "3", "P II", "4.10", "x", 65536, 1, "", "0123ABCD"),
        ),
        ("HELLO 1 mem=much state=busy:nothing", Hello()),
    ],
)
def test_what_is_said_means(said: str, word: object) -> None:
    assert words.parse(said) == word
