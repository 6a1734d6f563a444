"""The names that queries use. A field that records do not have stops the build, so no panel can ask for one."""

from service.inspector.exchange_metrics import PREFIX, Family
from service.record.fields import FIELD_NAMES, METADATA
from service.record.operations import MODEL_CALLS as OPERATIONS_OF_MODELS

LOKI, TEMPO, PROMETHEUS = "loki", "tempo", "prometheus"
"""Uids of the data sources, as in ``provisioning/datasources``."""

FOLDER = "ollama-recorder"
RECORDER_PAGE = "http://localhost:8080"
"""Where a browser reaches the recorder: what the stack publishes, and what ``make run`` listens on."""
ALL_RECORDS = '{job="nginx", service="ollama"}'
RECORDS = '{job="nginx", service="ollama", instance=~"$instance"}'
NO_NAME = "(no name)"


class _Names:
    """``names.request_time`` is ``"request_time"``, and only for names that exist."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self._known = frozenset(known)

    def __getattr__(self, name: str) -> str:
        if name not in self._known:
            raise AttributeError(f"no record has {name!r}")
        return name


field = _Names(METADATA)
"""What is structured metadata: compared, unwrapped and grouped by without a parser."""
key = _Names(FIELD_NAMES)
"""What a line has."""

MODEL_CALLS = f'{RECORDS} | {field.operation}=~"{"|".join(sorted(OPERATIONS_OF_MODELS))}"'
"""Exchanges in which a model worked: lists and health checks would make every mean look good."""


def count(records: str, over: str, by: str = "") -> str:
    """How many ``records`` there were over a range, ``by`` some fields."""
    return f"sum{_by(by)}(count_over_time({records} [{over}]))"


def total(records: str, number: str, over: str, by: str = "") -> str:
    """The sum of a field over a range; records without it do not count."""
    return f"sum{_by(by)}(sum_over_time({records} | unwrap {number} [{over}]))"


def quantile(q: float, records: str, number: str, over: str, by: str = "service") -> str:
    """The exact quantile of a field over a range."""
    return f"quantile_over_time({q}, {records} | unwrap {number} [{over}]) by ({by})"


def named(expr: str, *labels: str) -> str:
    """``expr`` with a text where one of its ``labels`` is empty: Loki leaves such a label out, and a column with it."""
    for label in labels:
        expr = f'label_replace({expr}, "{label}", "{NO_NAME}", "{label}", "^$")'
    return expr


def risen(family: Family, over: str, by: str = "", where: str = "") -> str:
    """By how much a counter rose over a range, asked of Prometheus."""
    return f"sum{_by(by)}(increase({_total(family, where)}[{over}]))"


def rate(family: Family, by: str = "", where: str = "") -> str:
    """By how much a counter rises a second, asked of Prometheus."""
    return f"sum{_by(by)}(rate({_total(family, where)}[$__rate_interval]))"


def buckets(family: Family, where: str = "") -> str:
    """How many observations a second fell into each bucket of a histogram or a lower one."""
    return f"sum by (le) (rate({_series(family, '_bucket', where)}[$__rate_interval]))"


def estimated(q: float, family: Family, where: str = "") -> str:
    """A quantile as the buckets of a histogram let it be estimated."""
    return f"histogram_quantile({q}, {buckets(family, where)})"


def averaged(family: Family, over: str, by: str = "") -> str:
    """The mean of what a histogram observed over a range; nothing where it observed nothing."""
    sums, counts = (f"sum{_by(by)}(increase({_series(family, end, '')}[{over}]))" for end in ("_sum", "_count"))
    return f"{sums}\n/ ({counts} > 0)"


def _total(family: Family, where: str) -> str:
    return _series(family, "_total", where)


def _series(family: Family, end: str, where: str) -> str:
    chosen = ", ".join(one for one in ('recorder=~"$instance"', where) if one)
    return f"{PREFIX}{family.name}{end}{{{chosen}}}"


def _by(labels: str) -> str:
    return f" by ({labels}) " if labels else ""
