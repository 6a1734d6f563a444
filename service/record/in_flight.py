"""An exchange that is still going on as an entry of a list: who asks what, and the text so far."""

import re
from typing import Any, Final

from service.record.bodies import readable
from service.record.body_text import copy_of
from service.record.conversation import opening
from service.record.exchange import Exchange
from service.record.exchange_masking import ExchangeMasking
from service.record.generation import understand_reply
from service.record.line import summary_of_open
from service.record.open_webui import task_of
from service.record.own_masks import OwnMasks
from service.record.record import record_of
from service.record.request_facts import read_request
from service.record.surrogates import storable
from service.record.timestamps import write_time

# Enough to see where it is going. The record has the whole.
_SHOWN_CHARACTERS: Final = 300
# Reading a longer answer anew each second would cost more than it shows: only its length is given then.
READ_BYTES: Final = 256 * 1024
_HALF_AT_THE_END: Final = re.compile(r"[\ud800-\udbff]\Z")


def describe(exchange: Exchange, mask: bool, own_masks: OwnMasks = ()) -> dict[str, Any]:
    """The entry of an exchange that has begun: ids, names, model, the prompt's first words. Never raises."""
    opened = summary_of_open(exchange.opened, mask=mask, own_masks=own_masks)
    asked = read_request(opened, opened.request)
    entry: dict[str, Any] = {"exchange": opened.id, "started": write_time(opened.started_ns)}
    caller = {name: value for name, value in opened.caller._asdict().items() if value is not None}
    entry |= {"method": opened.method, "operation": opened.operation, "api": opened.api, **caller}
    if asked.model:
        entry["model"] = storable(asked.model)
    if task := task_of(opened.caller, opened.operation, asked.document, asked.plain):
        entry["task"] = task
    text, _ = copy_of(opened.request, opened.request.head)
    prompt, _ = opening(record_of({"operation": opened.operation, "api": opened.api, "request_body": text}))
    if prompt:
        entry["prompt"] = prompt
    return entry


def progress(exchange: Exchange, mask: bool, own_masks: OwnMasks = ()) -> dict[str, Any]:
    """How far it is: seconds, bytes of the answer, the end of its text so far. Never raises."""
    response = exchange.response
    entry: dict[str, Any] = {"exchange": exchange.opened.id, "bytes": response.length}
    if exchange.duration is not None:
        entry["seconds"] = round(exchange.duration, 1)
    if response.head:
        body = readable(response, READ_BYTES)
        generation = understand_reply(exchange, read_request(exchange.opened, exchange.opened.request), body)
        # Its last half of a character has its other half in the next piece.
        text = _HALF_AT_THE_END.sub("", generation.text or generation.thinking or "")
        if text:
            entry["text"] = storable(ExchangeMasking(mask, own_masks).answer_so_far(text)[-_SHOWN_CHARACTERS:])
    return entry
