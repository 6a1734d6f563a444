"""What any two calls asked differently."""

from collections.abc import Iterator

from service.record.content_findings import ContentFinding, JudgedCall, changes_between
from service.record.question import newest_question

_LONGEST_QUESTION = 20_000


def compared(before: JudgedCall, now: JudgedCall) -> tuple[ContentFinding, ...]:
    """What ``now`` asks otherwise than ``before``, which the sentences call the first. Never raises."""
    return (*changes_between(before, now, "the first"), *_question_change(before, now))


def _question_change(before: JudgedCall, now: JudgedCall) -> Iterator[ContentFinding]:
    if before.record.request_truncated or now.record.request_truncated:
        return
    old, new = (newest_question(call.conversation.turns) for call in (before, now))
    if old != new:
        text = "The question is another." if old and new else "Only one of both has a question."
        yield ContentFinding("question_changed", text, "", old[:_LONGEST_QUESTION], new[:_LONGEST_QUESTION])
