"""What happened, summed up for people who were not there: a report to be sent by mail, and failures for programs.

* ``report_period``: from when to when; ``report``: what is told of it; ``failure_values``: failures as JSON;
* ``report_markdown`` and ``report_html``: how it is written.
"""
