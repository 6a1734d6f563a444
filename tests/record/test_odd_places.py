"""Any value in the place of any other: a record is made of what was asked and answered, and no part of it raises."""

import csv
import io
from typing import Any

import pytest

from service.exports import chats, csv_table
from service.journal.reader import KeptRecord, Row
from service.record.call_context import ModelCall
from service.record.exchange import EncodedRecord
from service.record.known_conversations import KnownConversations
from service.record.line import make_record
from service.record.prompt_memory import PromptMemory
from service.search.index_columns import columns_of
from tests.record.whole_forms import FORMS, ODD, WholeForm, nested, replaced
from tests.record.wire import body, checked, exchange

DEEP, HALF_AN_EMOJI = nested(990, '{"type": ', "}"), next(value for value in ODD if value == '"\\ud800"')
USUALLY = (DEEP, HALF_AN_EMOJI)


def _no_window(call: ModelCall) -> None:
    return None


def _made(form: WholeForm, asked: bytes, answered: bytes) -> EncodedRecord:
    response = body(answered, form.response_type)
    return make_record(
        exchange(asked, response, form.path, status=form.status, upstream_status=form.status),
        context_length_of=_no_window,
        mask=True,
        memory=PromptMemory(),
        conversations=KnownConversations(lambda: 0.0),
    )


def _check(form: WholeForm, value: Any) -> None:
    for place, asked, answered in replaced(form, value):
        try:
            made = _made(form, asked, answered)
            ended = (made.started_ns, made.ended_ns, made.method, made.operation, made.outcome)
            row = Row(1, made.id, *ended, made.parent_span_id, made.line)
            columns_of(row)
            kept = KeptRecord(row, made.request, made.response)
            table = b"".join(csv_table.write([kept])).decode("utf-8-sig")
            b"".join(chats.write([kept]))
        except Exception as error:
            error.add_note(f"{form.path}: {str(value)[:40]} in the place of {place}")
            raise
        assert checked(made.line)["request_bytes"] == len(asked)
        assert len(list(csv.reader(io.StringIO(table)))) == 2


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.path} {form.response_type} {form.status}")
@pytest.mark.parametrize("value", USUALLY, ids=lambda value: value[:12])
def test_a_record_is_made_whatever_stands_in_any_place(form: WholeForm, value: Any) -> None:
    _check(form, value)


@pytest.mark.long
@pytest.mark.parametrize("value", [value for value in ODD if value not in USUALLY], ids=lambda value: str(value)[:12])
def test_a_record_is_made_of_anything_else_in_any_place(value: Any) -> None:
    for form in FORMS:
        _check(form, value)
