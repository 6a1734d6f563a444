"""The rules of LIMITS_FILE: what each caller may have. Text in, frozen facts out; all mistakes are told at once.

Tables are ``[default]`` and ``[key."…"]``, ``[workflow."…"]``, ``[caller."…"]``, ``[user."…"]``. One of them counts for
a call: the first that fits, in this order. What it does not name is not limited.
"""

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from service.record.exchange import BATCH_REPLAY, OpenExchange
from service.record.record import Record
from service.sharing.flows import Priority

_LIBRARY: Final = "registry.ollama.ai/library/"
_LATEST: Final = ":latest"
_SPAN: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
FOR_EVER: Final = float("inf")


class Identity(NamedTuple):
    """Who asks, in the words by which a rule may name it. ``key`` is proved; the rest but ``address`` is claimed."""

    key: str | None = None
    workflow: str | None = None
    workflow_id: str | None = None
    caller: str | None = None
    user: str | None = None
    address: str = ""


def identity_of(opened: OpenExchange) -> Identity:
    """Who asks in an exchange that has begun."""
    caller = opened.caller
    return Identity(
        opened.key_name, caller.workflow, caller.workflow_id, caller.caller, caller.user, opened.remote_addr
    )


def identity_of_record(record: Record) -> Identity:
    """Who asked in an exchange that has ended."""
    address = record.remote_addr or ""
    return Identity(record.key, record.workflow, record.workflow_id, record.caller, record.user, address)


def _count(value: Any, least: int = 1) -> int:
    if type(value) is not int or not least <= value < 2**53:
        raise ValueError(f"a whole number from {least} on")
    return value


def _count_or_none(value: Any) -> int:
    return _count(value, least=0)


def _patterns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise ValueError('a list of names, with * for any characters: ["llama3.2", "qwen*"]')
    return tuple(value)


def _priority(value: Any) -> Priority:
    words = {"interactive": Priority.INTERACTIVE, "batch": Priority.BATCH}
    if not isinstance(value, str) or value not in words:
        raise ValueError('"interactive" or "batch"')
    return words[value]


def _keep_alive(value: Any) -> float:
    seconds = span_of(value)
    if seconds is None or not math.isfinite(seconds):
        raise ValueError('a time like "10m" or a number of seconds')
    return seconds


def _is_refused(value: Any) -> bool:
    if value not in ("observe", "refuse"):
        raise ValueError('"observe" or "refuse"')
    return bool(value == "refuse")


def span_of(value: Any) -> float | None:
    """Seconds of a time as Ollama takes it: a number of seconds, or ``"1h30m"``. Below 0: for ever. None: no time."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return FOR_EVER if value < 0 else float(value)
    if not isinstance(value, str):
        return None
    text = value.strip().lstrip("+")
    if text.startswith("-"):
        return FOR_EVER if span_of(text[1:]) is not None else None
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one caller may have; None: any number. ``keep_alive_at_most`` is seconds.

    ``refuses_cuts``: of a prompt that is too long Ollama is to say so, and not to cut it (``context = "refuse"``).
    """

    max_active: int | None = None
    max_waiting: int | None = None
    requests_per_minute: int | None = None
    tokens_per_day: int | None = None
    models: tuple[str, ...] | None = None
    priority: Priority = Priority.INTERACTIVE
    keep_alive_at_most: float | None = None
    refuses_cuts: bool = False

    @property
    def needs_body(self) -> bool:
        """Whether the request has to be read before it may go on."""
        return self.models is not None or self.keep_alive_at_most is not None or self.refuses_cuts

    def allows_model(self, name: str) -> bool:
        """Whether one of the patterns fits, whichever way Ollama may spell the name."""
        plain = name.lower().removeprefix(_LIBRARY)
        plain = plain.removeprefix("library/")
        spellings = {plain, plain.removesuffix(_LATEST)}
        if ":" not in plain.rpartition("/")[2]:
            spellings.add(plain + _LATEST)
        return any(fnmatchcase(one, pattern.lower()) for pattern in self.models or ("*",) for one in spellings)


NO_LIMITS: Final = Limits()
# Each key of a table: the limit that it sets, and how it is read.
_READERS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "max_active": ("max_active", _count),
    "max_waiting": ("max_waiting", _count_or_none),
    "requests_per_minute": ("requests_per_minute", _count),
    "tokens_per_day": ("tokens_per_day", _count),
    "models": ("models", _patterns),
    "priority": ("priority", _priority),
    "keep_alive_at_most": ("keep_alive_at_most", _keep_alive),
    "context": ("refuses_cuts", _is_refused),
}
_KINDS: Final = ("key", "workflow", "caller", "user")


@dataclass(frozen=True, slots=True)
class Rules:
    """All tables of a file. ``tables`` by (kind, name)."""

    default: Limits = NO_LIMITS
    tables: Mapping[tuple[str, str], Limits] = field(default_factory=dict)

    def of(self, who: Identity) -> tuple[str, Limits]:
        """The name under which a caller's use is counted, and what it may have.

        A key decides alone: what its holder claims besides in headers cannot change the rule.
        """
        for kind, name in self._names(who) if self.tables else ():
            if (limits := self.tables.get((kind, name))) is not None:
                return f"{kind} {name}", limits
        # People go before it, unless a table says otherwise.
        if who.caller == BATCH_REPLAY:
            return name_of(who), replace(self.default, priority=Priority.BATCH)
        return name_of(who), self.default

    def _names(self, who: Identity) -> list[tuple[str, str]]:
        if who.key is not None:
            return [("key", who.key)]
        names = (("workflow", who.workflow), ("workflow", who.workflow_id), ("caller", who.caller), ("user", who.user))
        return [(kind, name) for kind, name in names if name]


def name_of(who: Identity) -> str:
    """How a caller without a table of its own is named: by its key, workflow, program and user, or address."""
    if who.key is not None:
        return f"key {who.key}"
    if who.workflow or who.workflow_id:
        return f"workflow {who.workflow or who.workflow_id}"
    named = [f"{kind} {name}" for kind, name in (("caller", who.caller), ("user", who.user)) if name]
    return ", ".join(named) or f"address {who.address}"


def read_rules(text: str) -> Rules:
    """The rules in a TOML text. Raises ValueError that names every mistake."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as mistake:
        raise ValueError(f"no TOML: {mistake}") from None
    mistakes: list[str] = []
    default, tables = NO_LIMITS, {}
    for kind, table in document.items():
        if kind not in ("default", *_KINDS):
            mistakes.append(f"[{kind}]: expected [default], or " + ", ".join(f'[{one}."…"]' for one in _KINDS))
        elif kind == "default":
            default = _table("[default]", table, mistakes)
        elif not isinstance(table, dict) or not all(isinstance(one, dict) for one in table.values()):
            mistakes.append(f'[{kind}]: expected tables with a name, like [{kind}."Invoices"]')
        else:
            tables.update({(kind, name): _table(f"[{kind}.{name!r}]", one, mistakes) for name, one in table.items()})
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return Rules(default, tables)


def _table(where: str, table: Any, mistakes: list[str]) -> Limits:
    if not isinstance(table, dict):
        mistakes.append(f"{where}: expected a table")
        return NO_LIMITS
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in _READERS:
            mistakes.append(f"{where} {name}: expected one of {', '.join(_READERS)}")
            continue
        attribute, read = _READERS[name]
        try:
            values[attribute] = read(value)
        except ValueError as expected:
            mistakes.append(f"{where} {name} = {value!r}: expected {expected}")
    return Limits(**values)
