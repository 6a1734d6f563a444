"""What Loki's answer to a push means, in Loki's own sentences.

What Loki does and its manual does not say (3.7, ``pkg/distributor/distributor.go``, ``pkg/ingester/stream.go``):

* A 400 is partial: the good lines are stored, then the bad ones are reported.
* The code is that of the last failure only: a batch with a bad line may answer 429 and the reverse.
* 260 means that ingestion is blocked. It is a 2xx, and nothing was stored.
"""

from collections.abc import Mapping

from service.shipping.loki.settings import PUSH_PATH, URL_VARIABLE
from service.shipping.receiver import Decision, Verdict, judge_stranger, quote_answer, read_retry_after

# Loki's own sentences (pkg/validation/validate.go, pkg/chunkenc) and the names it counts them under.
_FAULTS_OF_A_LINE = (
    ("entry too far behind", "too_far_behind"),
    ("has timestamp too old", "greater_than_max_sample_age"),
    ("entry out of order", "out_of_order"),
    ("has timestamp too new", "too_far_in_future"),
    ("max entry size", "line_too_long"),
    ("structured metadata too large", "structured_metadata_too_large"),
    ("too many structured metadata labels", "structured_metadata_too_many"),
)
_REASONS_OF_AGE = frozenset({"too_far_behind", "greater_than_max_sample_age", "out_of_order"})
# Our labels are the same for every record: a complaint about them is about Loki's settings.
_FAULTS_OF_THE_SETTINGS = (
    (
        "this feature is disallowed",
        "allow structured metadata in Loki: limits_config.allow_structured_metadata, schema v13",
    ),
    ("missing required labels", "Loki demands further labels: limits_config.enforced_labels"),
    (" label names; limit", "raise Loki's limits_config.max_label_names_per_series to 5 or more"),
    ("label name too long", "raise Loki's limits_config.max_label_name_length"),
    ("label value too long", "raise Loki's limits_config.max_label_value_length"),
    ("duplicate label name", "check what rewrites labels between the recorder and Loki"),
    ("error parsing labels", "check what rewrites labels between the recorder and Loki"),
    ("at least one label pair", "check what rewrites labels between the recorder and Loki"),
    ("no org id", "set LOKI_TENANT"),
)
_NOTHING_TO_STORE = "at least one valid stream is required"


def judge(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """What Loki's answer means for the batch that was sent."""
    sentence = quote_answer(body)
    detail = f"HTTP {status}: {sentence}" if sentence else f"HTTP {status}"
    if stranger := judge_stranger(status, headers, URL_VARIABLE):
        return stranger
    if status == 260:
        return Verdict(
            Decision.REFUSED, "blocked", detail, "Loki's limits_config.block_ingestion_until blocks ingestion"
        )
    if 200 <= status < 300:
        return Verdict(Decision.ACCEPTED)
    if status == 422 and _NOTHING_TO_STORE in sentence:
        # Only an empty push, our question whether Loki is there, is answered so.
        return Verdict(Decision.ACCEPTED)
    if status == 429:
        return Verdict(Decision.RETRY, "rate_limited", detail, retry_after=read_retry_after(headers), is_overload=True)
    if status == 408 or status >= 500:
        return Verdict(Decision.RETRY, f"http_{status}", detail, retry_after=read_retry_after(headers))
    if status == 413:
        return Verdict(Decision.SPLIT, "request_too_large", detail, may_be_us=True, is_of_content=True)
    if status == 400:
        return _judge_bad_request(body.decode("utf-8", "replace").lower(), detail)
    return Verdict(Decision.REFUSED, f"http_{status}", detail, _what_to_do(status))


def _judge_bad_request(answer: str, detail: str) -> Verdict:
    for sentence, what_to_do in _FAULTS_OF_THE_SETTINGS:
        if sentence in answer:
            return Verdict(Decision.REFUSED, "loki_limits", detail, what_to_do)
    for sentence, reason in _FAULTS_OF_A_LINE:
        if sentence in answer:
            return Verdict(Decision.SPLIT, reason, detail, is_late=reason in _REASONS_OF_AGE)
    return Verdict(Decision.SPLIT, "bad_request", detail, may_be_us=True, is_of_content=True)


def _what_to_do(status: int) -> str:
    if status in (401, 403):
        return "check LOKI_TENANT, LOKI_TOKEN, LOKI_USERNAME and LOKI_PASSWORD"
    if status in (404, 405):
        return f"check {URL_VARIABLE}: it is the base address, {PUSH_PATH} is added to it"
    return f"check {URL_VARIABLE} and what stands between the recorder and Loki"
