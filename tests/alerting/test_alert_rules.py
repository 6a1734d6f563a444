from grafana.alerts import ALERTS
from service.alerting.alert_rules import RULES

GRAFANAS = {alert.uid: alert for alert in ALERTS}
# What Grafana has no rule for, as readiness tells it.
OURS_ALONE = {"recorder-disk"}


def test_rules_that_grafana_has_too_mean_the_same_there() -> None:
    for rule in RULES:
        if rule.uid in OURS_ALONE:
            continue
        alert = GRAFANAS[rule.uid]
        assert (rule.title, rule.minutes, str(rule.severity)) == (alert.title, alert.minutes, alert.severity)
        if rule.limit is None:
            assert alert.limit == "$ALERT_P95_SECONDS"
        elif alert.compare == ">":
            assert float(alert.limit) == rule.limit


def test_every_rule_has_a_name_of_its_own_and_says_what_to_do() -> None:
    assert len({rule.uid for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert len(rule.what_to_do) > 60
        assert rule.summary.endswith((".", "}"))
