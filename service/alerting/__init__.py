"""Alerts without Grafana: the same rules, looked at by the recorder itself, posted to ALERT_WEBHOOK_URL.

* ``alert_rules``: which there are; ``looking``: what each of them finds now;
* ``alert_states``: since when each fires, and what is worth telling; ``webhook``: telling it;
* ``alert_watch``: all of it once a minute, beside requests.
"""
