"""By what n8n is known, which of its nodes asked, and which of its values are no names."""

import re
from typing import Final
from urllib.parse import quote

from service.record.exchange import LABELS_BEGIN
from service.record.record import Record

N8N: Final = "n8n"

# What an expression of n8n's gives in the place of a value that is missing. Its own stand-ins are those of an
# execution, a workflow and a node: *Test* of a credential and the list of models run without any of the three.
_PLACEHOLDERS: Final = frozenset({"", "undefined", "null", "NaN", "__UNKNOWN__", "__EMPTY__"})
_OBJECT_AS_TEXT: Final = "[object "
_STAND_IN_NODE: Final = re.compile(r"uuid-[0-9a-fA-F-]+")

# What n8n's AI nodes call themselves: their libraries. Its other nodes are called n8n, or as its administrator likes.
_LIBRARY_OF_AI_NODES: Final = re.compile(r"(ollama-js|axios|node-fetch|undici)(/|$)|node$|(OpenAI|Anthropic)/JS ")

_EXECUTION_PAGE: Final = "/workflow/{workflow_id}/executions/{execution_id}"
_NO_STEPS_OF_A_PATH: Final = frozenset({".", ".."})


def is_name(value: str) -> bool:
    """Whether somebody chose ``value``; false for what n8n writes where it has none."""
    value = value.strip()
    return not (value in _PLACEHOLDERS or _OBJECT_AS_TEXT in value or _STAND_IN_NODE.fullmatch(value))


def may_be_ai_node(user_agent: str) -> bool:
    """Whether n8n's AI nodes call themselves so, and with them every other program that uses the same library."""
    return _LIBRARY_OF_AI_NODES.match(user_agent) is not None


def is_n8n(record: Record) -> bool:
    """Whether n8n asked, by its name or by names that only n8n has."""
    if _is_called_n8n(record):
        return True
    # As headers only n8n has them. Anybody may write labels into the path; all three are what n8n's credential writes.
    # Open WebUI's chats are executions too, and its tasks may be told in the header of a node.
    address = record.request_uri or ""
    if any(mark in address for mark in LABELS_BEGIN):
        return bool(record.workflow and record.execution_id and record.node)
    return bool(record.workflow or record.workflow_id)


def is_http_request_node(record: Record) -> bool:
    """Whether n8n's HTTP Request node asked, which reads whole answers only."""
    return _is_called_n8n(record) and not may_be_ai_node(record.user_agent or "")


def _is_called_n8n(record: Record) -> bool:
    return record.caller == N8N or N8N in (record.user_agent or "").lower()


def execution_template(n8n_url: str) -> str:
    """Where n8n at ``n8n_url`` shows an execution, with ``{workflow_id}`` and ``{execution_id}`` in it."""
    return n8n_url.rstrip("/") + _EXECUTION_PAGE


def execution_url(n8n_url: str, record: Record) -> str | None:
    """Where n8n at ``n8n_url`` shows the execution that asked; None where the record does not tell its two ids."""
    ids = (record.workflow_id, record.execution_id)
    workflow, execution = (quote(one, safe="", errors="replace") if one else "" for one in ids)
    if not workflow or not execution or _NO_STEPS_OF_A_PATH & {workflow, execution}:
        return None
    template = execution_template(n8n_url)
    return template.replace("{workflow_id}", workflow).replace("{execution_id}", execution)
