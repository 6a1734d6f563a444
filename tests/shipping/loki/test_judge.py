import pytest

from service.shipping.loki.judge import judge
from service.shipping.receiver import Decision


@pytest.mark.parametrize(
    ("status", "body", "decision", "reason"),
    [
        (204, "", Decision.ACCEPTED, ""),
        (200, "", Decision.ACCEPTED, ""),
        (260, "ingestion blocked for user 'fake' until '2030'", Decision.REFUSED, "blocked"),
        (429, "ingestion rate limit exceeded for user fake", Decision.RETRY, "rate_limited"),
        (500, "", Decision.RETRY, "http_500"),
        (503, "at least 1 live replicas required", Decision.RETRY, "http_503"),
        (413, "request body too large", Decision.SPLIT, "request_too_large"),
        (400, "1 errors like: max entry size '262144' bytes exceeded for stream '{}'", Decision.SPLIT, "line_too_long"),
        (400, "entry with timestamp 1 ignored, reason: 'entry too far behind, e'", Decision.SPLIT, "too_far_behind"),
        (400, "entry for stream '{}' has timestamp too old: 1", Decision.SPLIT, "greater_than_max_sample_age"),
        (400, "entry for stream '{}' has timestamp too new: 1", Decision.SPLIT, "too_far_in_future"),
        (400, "has structured metadata too large: '70000'", Decision.SPLIT, "structured_metadata_too_large"),
        (400, "couldn't parse push request", Decision.SPLIT, "bad_request"),
        (
            400,
            "stream '{}' includes structured metadata, but this feature is disallowed.",
            Decision.REFUSED,
            "loki_limits",
        ),
        (401, "no org id", Decision.REFUSED, "http_401"),
        (404, "404 page not found", Decision.REFUSED, "http_404"),
    ],
)
def test_lokis_answers_are_understood(status: int, body: str, decision: Decision, reason: str) -> None:
    verdict = judge(status, {"Content-Type": "text/plain; charset=utf-8"}, body.encode())
    assert (verdict.decision, verdict.reason) == (decision, reason)
    assert bool(verdict.what_to_do) == (decision is Decision.REFUSED)
