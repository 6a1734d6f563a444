"""The names that queries use. A field that records do not have stops the build, so no panel can ask for one."""

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


def mean(records: str, number: str, over: str, by: str = "service") -> str:
    """The mean of a field over a range; ``service`` is the same for all records, so it gathers them."""
    # avg_over_time divides by all records, those without the field too (Loki 3.7); other functions leave them out.
    return f'avg_over_time({records} | {number}!="" | unwrap {number} [{over}]) by ({by})'


def quantile(q: float, records: str, number: str, over: str, by: str = "service") -> str:
    """The exact quantile of a field over a range."""
    return f"quantile_over_time({q}, {records} | unwrap {number} [{over}]) by ({by})"


def named(expr: str, *labels: str) -> str:
    """``expr`` with a text where one of its ``labels`` is empty: Loki leaves such a label out, and a column with it."""
    for label in labels:
        expr = f'label_replace({expr}, "{label}", "{NO_NAME}", "{label}", "^$")'
    return expr


def _by(labels: str) -> str:
    return f" by ({labels}) " if labels else ""
