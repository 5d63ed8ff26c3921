"""Settings are learned from what differs, and what they do not explain is named."""

from __future__ import annotations

from deployer.core.survey.judge import Judged, Verdict
from deployer.core.survey.learn import learn
from deployer.core.survey.probe import SurveyProbe


def probe(name: str, **settings: str) -> SurveyProbe:
    """One that answers "usual", or else where one of these settings is the other way."""
    others = {key: {"out": text} for key, text in settings.items()}
    return SurveyProbe(f"command.{name}", name, "X", expected={"out": "usual"}, settings=others)


def answered(asked: SurveyProbe, text: str) -> Judged:
    verdict = Verdict.PASS if text == "usual" else Verdict.DIFFERS
    return Judged(asked, verdict, {"out": text}, () if text == "usual" else ("out",))


QUOTES, DOTS, BOTH = probe("a", quotes="x"), probe("b", dots="y"), probe("c", quotes="x", dots="z")


def test_a_pc_that_answers_as_expected_is_like_the_simulated_one() -> None:
    found = learn([answered(each, "usual") for each in (QUOTES, DOTS, BOTH)])
    assert (found.unlike, found.unmatched) == ((), ())


def test_the_setting_that_explains_most_is_the_other_way_round() -> None:
    found = learn([answered(QUOTES, "x"), answered(DOTS, "usual"), answered(BOTH, "x")])
    assert (found.unlike, found.unmatched) == (("quotes",), ())


def test_two_settings_may_be() -> None:
    found = learn([answered(QUOTES, "x"), answered(DOTS, "y"), answered(probe("d", dots="y"), "y")])
    assert (found.unlike, found.unmatched) == (("dots", "quotes"), ())


def test_what_no_setting_explains_is_named() -> None:
    found = learn([answered(QUOTES, "strange"), answered(DOTS, "usual")])
    assert (found.unlike, found.unmatched) == ((), ("command.a",))


def test_a_setting_that_half_of_its_probes_deny_is_none() -> None:
    alone = [answered(QUOTES, "x"), answered(probe("d", quotes="x"), "usual")]
    assert learn(alone).unmatched == ("command.a",)
