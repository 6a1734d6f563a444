"""What is known of one exchange, also where there is no index to ask."""

from pathlib import Path

from service.cli.journal_access import catch_up
from service.inspector.exchange_detail import ExchangeDetail, Links, describe
from service.journal.reader import Reader
from service.search.search import Search
from service.settings import read_settings
from tests.cli.kept import chat, keep
from tests.journal.given import identifier

NOWHERE = Links()


def detail(folder: Path, number: int, links: Links = NOWHERE) -> ExchangeDetail:
    reader, search = Reader(folder), Search(folder)
    try:
        kept = reader.record(identifier(number))
        assert kept is not None
        return describe(kept, search, links)
    finally:
        reader.close()
        search.close()


def test_neighbours_and_the_link_to_its_trace_are_known(tmp_path: Path) -> None:
    keep(tmp_path, chat(1), chat(2), chat(3), chat(4, replay_of=identifier(2), caller={}))
    catch_up(read_settings({"DATA_DIR": str(tmp_path)}))
    found = detail(tmp_path, 2, Links(trace_url="http://grafana/{trace_id}"))
    assert (found.number, found.previous, found.next) == (2, identifier(1), identifier(3))
    assert (found.replay_of, found.replays) == (None, (identifier(4),))
    assert found.trace_url == f"http://grafana/{identifier(2)}"
    assert (detail(tmp_path, 4).replay_of, detail(tmp_path, 4).trace_url) == (identifier(2), None)


def test_the_execution_is_linked_where_n8n_and_both_ids_are_known(tmp_path: Path) -> None:
    mails = {"workflow": "Mails", "workflow_id": "Xa9", "execution_id": "7"}
    keep(tmp_path, chat(1, caller=mails), chat(2, caller={"workflow": "Mails", "execution_id": "7"}))
    links = Links(n8n_url="http://localhost:5678")
    assert detail(tmp_path, 1, links).n8n_url == "http://localhost:5678/workflow/Xa9/executions/7"
    assert detail(tmp_path, 1).n8n_url is None
    assert detail(tmp_path, 1, Links("", "")).n8n_url is None
    assert detail(tmp_path, 2, links).n8n_url is None


def test_without_an_index_all_else_is_known(tmp_path: Path) -> None:
    keep(tmp_path, chat(1), chat(2))
    found = detail(tmp_path, 2)
    assert (found.previous, found.next, found.replays) == (None, None, ())
    assert found.conversation.turns[0].text == "Why?"


def test_as_json_it_holds_the_line_itself_and_all_names(tmp_path: Path) -> None:
    keep(tmp_path, chat(1))
    value = detail(tmp_path, 1).as_json_object()
    assert value["record"]["exchange"] == identifier(1)
    assert list(value) == [
        *("number", "record", "conversation", "explanation", "content", "call_before", "calls_of", "context"),
        *("previous", "next", "turns_known", "replay_of", "replays", "trace_url", "n8n_url"),
    ]


def test_a_line_that_is_no_object_is_told_as_far_as_it_goes(tmp_path: Path) -> None:
    keep(tmp_path, chat(1)._replace(line=b"[1, 2"))
    assert detail(tmp_path, 1).record.values == {}


def test_it_is_compared_with_the_previous_call_of_its_node_or_chat(tmp_path: Path) -> None:
    chat_of = {"execution_id": "c-1", "caller": "Open WebUI"}
    keep(
        tmp_path,
        chat(1),
        chat(2, caller={"workflow": "Invoices", "node": "Classify"}),
        chat(3, model="big"),
        chat(4, replay_of=identifier(3)),
        chat(5, caller=chat_of),
        chat(6, caller=chat_of),
        chat(7, caller={"caller": "curl"}),
        chat(8, caller={"caller": "curl"}),
    )
    catch_up(read_settings({"DATA_DIR": str(tmp_path)}))
    first, third = detail(tmp_path, 1), detail(tmp_path, 3)
    assert (first.call_before, first.content) == (None, ())
    assert (third.call_before, third.calls_of) == (identifier(1), "node")
    assert [finding.kind for finding in third.content] == ["model_changed"]
    # A repetition is compared with what it repeats, and is nobody's call before.
    assert detail(tmp_path, 4).call_before is None
    assert (detail(tmp_path, 6).call_before, detail(tmp_path, 6).calls_of) == (identifier(5), "chat")
    # All that curl ever asked has nothing in common.
    assert detail(tmp_path, 8).call_before is None


def test_a_load_names_whose_call_was_the_reason(tmp_path: Path) -> None:
    keep(
        tmp_path,
        chat(1, caller={"caller": "batch.py"}, seconds=1.0),
        chat(2, model="big", caller={"workflow": "Mails"}, seconds=0.1),
        chat(3, caller={"user": "ada"}, seconds=200.0),
    )
    catch_up(read_settings({"DATA_DIR": str(tmp_path)}))
    assert "a call of big by Mails came in between" in "".join(
        finding.text for finding in detail(tmp_path, 3).explanation.findings
    )
