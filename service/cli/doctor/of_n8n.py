"""What n8n's nodes lack: an answer in one piece, and the name of their workflow."""

from collections.abc import Iterator

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.window import Observation, Window, newest
from service.record.n8n_marks import N8N, is_http_request_node, is_n8n
from service.record.wording import counted

# One call may be somebody's attempt by hand.
_HABIT = 3
_NAMES = "`ollama-recorder docs n8n#your-own-workflows`"
_LIBRARY = "ollama-js"


def many_objects(window: Window) -> Iterator[CheckResult]:
    """n8n's HTTP Request node reads whole answers; its AI nodes read streams too."""
    streamed = [
        call
        for call in window.calls
        if call.is_answered and call.record.api == "ollama" and call.record.stream and is_http_request_node(call.record)
    ]
    if not streamed:
        return
    text = (
        f"n8n's HTTP Request node got {counted(len(streamed), 'answer')} {window.span} as a stream: one object a word."
    )
    advice = f'Write "stream": false into the node\'s body. {newest(streamed)}'
    yield CheckResult("n8n", Severity.ADVICE, text, advice, Chapter.MANY_OBJECTS)


def nameless(window: Window) -> Iterator[CheckResult]:
    """Calls of n8n, and of what may be its AI nodes, that name no workflow."""
    calls = [call for call in window.calls if call.is_model_call and not _is_named(call)]
    of_n8n = [call for call in calls if is_n8n(call.record)]
    if len(of_n8n) >= _HABIT:
        text = f"{counted(len(of_n8n), 'call')} of n8n {window.span} do not say which workflow asked."
        advice = f"HTTP Request nodes take four headers, AI nodes the credential n8n/credentials.json: {_NAMES}."
        yield CheckResult(N8N, Severity.NOTE, text, advice, Chapter.NAMELESS)
    likely = [call for call in calls if call.record.caller == _LIBRARY]
    if len(likely) >= _HABIT:
        yield _ai_nodes(window, likely)


def _ai_nodes(window: Window, calls: list[Observation]) -> CheckResult:
    """Without the address of their credential AI nodes are programs like others that use their library."""
    homes = {call.record.remote_addr for call in window.calls if is_n8n(call.record)}
    of_n8ns_home = [call for call in calls if call.record.remote_addr in homes]
    found = of_n8ns_home or calls
    where = " and come from the address of n8n" if of_n8ns_home else ""
    text = (
        f"{counted(len(found), 'call')} {window.span} name no workflow{where}."
        f" They call themselves {_LIBRARY}, as n8n's AI nodes do."
    )
    advice = (
        "If they are AI nodes, give them the credential n8n/credentials.json: its Base URL names workflow, execution"
        f" and node ({_NAMES}). {newest(found)}"
    )
    return CheckResult(N8N, Severity.NOTE, text, advice, Chapter.NAMELESS)


def _is_named(call: Observation) -> bool:
    return bool(call.record.workflow or call.record.workflow_id)
