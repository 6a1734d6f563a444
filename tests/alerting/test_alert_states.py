from service.alerting import alert_rules as rules
from service.alerting.alert_states import MOST_STATES, REPEATED_SECONDS, AlertStates
from service.alerting.looking import AlertFinding

CUT = AlertFinding(rules.PROMPTS_CUT, "tiny", 1, "1")
FAILURES = AlertFinding(rules.FAILURES, "", 0.5, "50 %")


def test_an_alert_is_told_once_and_again_when_it_is_over() -> None:
    states = AlertStates()
    told = [states.update([CUT] if at < 3 else [], 60.0 * at, at) for at in range(5)]
    assert [len(notices) for notices in told] == [1, 0, 0, 1, 0]
    assert (told[0][0].began_ns, told[0][0].ended_ns) == (0, None)
    assert (told[3][0].began_ns, told[3][0].ended_ns) == (0, 3)


def test_one_that_must_hold_for_minutes_is_not_told_before_nor_when_it_is_over_by_then() -> None:
    states = AlertStates()
    assert [len(states.update([FAILURES], 60.0 * at, at)) for at in range(6)] == [0, 0, 0, 0, 0, 1]
    other = AlertStates()
    assert [len(other.update([FAILURES] if at < 4 else [], 60.0 * at, at)) for at in range(6)] == [0] * 6


def test_one_that_goes_on_is_told_again_after_hours() -> None:
    states = AlertStates()
    states.update([CUT], 0.0, 0)
    assert states.update([CUT], REPEATED_SECONDS - 1, 1) == []
    assert len(states.update([CUT], REPEATED_SECONDS, 2)) == 1


def test_each_model_is_told_for_itself_and_they_are_not_without_end() -> None:
    states = AlertStates()
    many = [AlertFinding(rules.PROMPTS_CUT, f"m{n}", 1, "1") for n in range(MOST_STATES + 10)]
    assert [len(states.update(many, 60.0 * minute, minute)) for minute in range(3)] == [MOST_STATES, 0, 0]
    assert len(states.update([], 180.0, 3)) == MOST_STATES
