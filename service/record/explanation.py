"""Why an exchange took as long as it did, and what went wrong: in words, from what was recorded and from nothing else.

What is concluded, and not measured, is called most likely.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import isfinite

from service.record.bodies import first_document
from service.record.failures import failures
from service.record.findings import Case, Finding, Surroundings, at_its_speed, slowness
from service.record.phases import Phase, durations_of, phases_of
from service.record.record import Record
from service.record.request_fields import with_known_names
from service.record.truncation import cuts, maybe_cut
from service.record.wording import counted, duration

_LONG = 5.0

__all__ = ("Explanation", "Finding", "Phase", "Surroundings", "explain")


@dataclass(frozen=True, slots=True)
class Explanation:
    """``phases`` in their order; ``findings``, the most important first; ``sentence`` sums them up.

    Kinds of findings: ``failed``, ``client_left``, ``stopped``, ``cut_prompt``, ``refused_prompt``, ``cut_answer``,
    then what took long (``load``, ``queue``, ``long_prompt``, ``slow_generation``, ``long_answer``, ``slow_client``,
    ``held_back``), or ``quick`` where there is none of these. Last, ``maybe_cut_prompt``: nobody knows whether all of
    it was read.
    """

    phases: tuple[Phase, ...]
    findings: tuple[Finding, ...]
    sentence: str


def explain(record: Record, around: Surroundings) -> Explanation:
    """Explain the exchange of a parsed line. Never raises; numbers that are nonsense count as unknown."""
    body = record.request_body
    asked = first_document(body.encode("utf-8", "surrogatepass")) if body else None
    spent = durations_of(record)
    case = Case(record, with_known_names(asked) if isinstance(asked, dict) else {}, spent, _sound(around))
    wrong, slow = (*failures(case), *cuts(case)), slowness(case)
    findings = tuple(_advised_once((*((*wrong, *slow) or _quick(case)), *maybe_cut(case))))
    return Explanation(phases_of(record, spent), findings, _sentence(case, findings, bool(wrong)))


def _advised_once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The same, each advice only where it stands first."""
    given: set[str] = set()
    for finding in findings:
        yield replace(finding, advice="") if finding.advice in given else finding
        given.add(finding.advice)


def _sentence(case: Case, findings: tuple[Finding, ...], is_wrong: bool) -> str:
    if not findings:
        return _untold(case)
    first = findings[0]
    fast = at_its_speed(case)
    if (
        not is_wrong
        and fast
        and first.kind in ("load", "queue", "long_prompt")
        and "slow_generation" not in _kinds(findings)
    ):
        return f"{first.text} Then it ran at {fast}."
    return first.text


def _kinds(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.kind for finding in findings}


def _quick(case: Case) -> tuple[Finding, ...]:
    total = case.spent.total
    if total is None or case.record.outcome != "completed" or _untold(case):
        return ()
    fast = at_its_speed(case)
    # Of time alone: whether the prompt was read whole is another question.
    text = f"Nothing held it up: it took {duration(total)}" + (f", generating at {fast}." if fast else ".")
    return (Finding("quick", text, ""),)


def _untold(case: Case) -> str:
    """What is known of a long call of which nobody measured the parts."""
    total = case.spent.total
    if total is None or case.spent.is_measured or total < _LONG or case.record.outcome != "completed":
        return ""
    wrote = case.record.completion_tokens
    written = f" and wrote {counted(wrote, 'token')}" if wrote else ""
    return f"It took {duration(total)}{written}. This answer does not tell how much of that was waiting."


def _sound(around: Surroundings) -> Surroundings:
    """The same without nonsense: clocks may be set back between two exchanges."""
    last, rate = around.model_last_used, around.median_rate
    return replace(
        around,
        model_last_used=max(0.0, last) if last is not None and isfinite(last) else None,
        in_flight=max(0, around.in_flight),
        median_rate=rate if rate is not None and isfinite(rate) and rate > 0 else None,
    )
