"""The parameters of a filter: the one list of what can be asked of many exchanges.

Addresses, the command line, the page and ``openapi.json`` take them from here. ``filters`` reads their values,
``index_query`` turns them into SQL.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from service.record.fields import FIELDS


class Takes(StrEnum):
    """What values a parameter takes. Those of ``REPEATABLE`` may be given several times: any of them fits.

    An empty NAME or STATUS is that of exchanges without one; of all others an empty value asks for nothing.
    """

    WORDS = "WORDS"
    NAME = "NAME"
    STATUS = "STATUS"
    TRUTH = "TRUTH"
    TRUTH_IF_KNOWN = "TRUTH_IF_KNOWN"
    SECONDS = "SECONDS"
    TIME = "TIME"
    NUMBER = "NUMBER"
    ID = "ID"


REPEATABLE: Final = frozenset({Takes.NAME, Takes.STATUS, Takes.ID})
MAY_BE_NONE: Final = frozenset({Takes.NAME, Takes.STATUS})
"""Those of which an empty value means: exchanges that have none."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """``attribute`` is where a Filter holds the value; ``label`` names it on the page, where it is there.

    ``is_at_end``: only the end of an exchange tells whether it fits.
    """

    name: str
    takes: Takes
    meaning: str
    attribute: str
    label: str = ""
    is_at_end: bool = False

    @property
    def is_repeatable(self) -> bool:
        return self.takes in REPEATABLE


PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "q", Takes.WORDS, 'Words in prompts and answers: words, "phrases", prefix*, -without, OR.', "text", "", True
    ),
    Parameter("model", Takes.NAME, "Only this model.", "model", "model"),
    Parameter("workflow", Takes.NAME, "Only this n8n workflow, by name or id.", "workflow", "workflow"),
    Parameter("execution", Takes.NAME, "Only this n8n execution, or chat of Open WebUI.", "execution", "execution"),
    Parameter(
        *("conversation", Takes.NAME),
        "Only this conversation, by the id that records tell: that of its first exchange, or what a client named.",
        *("conversation", "conversation"),
    ),
    Parameter("node", Takes.NAME, "Only this n8n node.", "node", "node"),
    Parameter("caller", Takes.NAME, "Only this program, or name of its API key.", "caller", "caller"),
    Parameter("user", Takes.NAME, "Only this user.", "user", "user"),
    Parameter("key", Takes.NAME, "Only who showed the API key of this name.", "key", "key"),
    Parameter("address", Takes.NAME, "Only clients of this address.", "address", "address"),
    Parameter(
        *("task", Takes.NAME),
        "Only what a client asked for itself: title, tags, query, …; empty: only what people and programs asked.",
        *("task", "task"),
    ),
    Parameter("upstream", Takes.NAME, "Only what this Ollama, of several, was asked.", "upstream", "Ollama"),
    Parameter("operation", Takes.NAME, "Only this operation: chat, generate, embed, …", "operation", "operation"),
    Parameter(
        *(
            "outcome",
            Takes.NAME,
            "Only this outcome: completed, client_left, upstream_timed_out, …",
            "outcome",
            "outcome",
        ),
        is_at_end=True,
    ),
    Parameter("status", Takes.STATUS, "Only this HTTP status.", "status", "status", True),
    Parameter("failed", Takes.TRUTH, "Only what failed, or only what did not.", "failed", "failed", True),
    Parameter(
        *("truncated", Takes.TRUTH_IF_KNOWN),
        "Only where Ollama cut the prompt, only where it read all of it, or only where that is not known.",
        *("truncated", "prompt cut"),
        is_at_end=True,
    ),
    Parameter(
        *("cut", Takes.NAME, "Only prompts that Ollama cut so: messages, length or shift.", "cut", "cut by"),
        is_at_end=True,
    ),
    Parameter("slower", Takes.SECONDS, "Only what took longer: seconds, or 300ms, 2m.", "slower", "slower", True),
    Parameter(
        "from",
        Takes.TIME,
        "Only what ended from then on: -1h, -7d, 2026-11-21, 2026-11-21T08:30:00Z; without an offset UTC.",
        "since_ns",
    ),
    Parameter("to", Takes.TIME, "Only what ended before then; a date is included.", "until_ns"),
    Parameter("before", Takes.NUMBER, "Only before this number of the journal.", "before"),
    Parameter("after", Takes.NUMBER, "Only after this number of the journal.", "after"),
    Parameter("exchange", Takes.ID, "Only the exchange with this id.", "exchange", "exchange"),
)
"""In the order in which addresses, help texts and the page list them."""

NAME_FIELDS: tuple[str, ...] = tuple(one.name for one in PARAMETERS if one.takes is Takes.NAME)
"""Those that ask for names; any of those given may be an exchange's."""

FIELDS_OF: dict[str, tuple[str, ...]] = {
    one.name: tuple(field.name for field in FIELDS if field.filter == one.name) for one in PARAMETERS
}
"""The fields of a record that each is compared with, any of which may fit. Words and numbers are in none."""
