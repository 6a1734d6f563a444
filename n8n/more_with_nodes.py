"""Workflows that exist with our nodes only: what was slow, what failed, and two models over a sheet of prompts."""

from collections.abc import Callable
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from n8n.use_our_nodes import PACKAGE

_SET: Final = "n8n-nodes-base.set"
_MAIL: Final = {"emailFormat": "text", "options": {"appendAttribution": False}}
_ADDRESSES: Final = (("mail_from", "n8n@example.com"), ("mail_to", "you@example.com"))
# Of each model in a sheet: the end of the column's name, and what our node calls it.
_COLUMNS: Final = (
    ("answer", "text"),
    ("seconds", "seconds"),
    ("tokens", "completion_tokens"),
    ("tokens_per_second", "tokens_per_second"),
    ("error", "error"),
)
# How names of numbers end.
_NUMBERS: Final = ("_seconds", "_tokens", "_per_second")
_PROMPTS: Final = '["Explain Docker in 3 sentences.", "What is a container?", "Name three uses of a proxy."]'


class _Drawing:
    """A workflow in the making: nodes from left to right, each connected to the one before."""

    def __init__(self, slug: str, name: str, note: str, credential: dict[str, str]) -> None:
        self._slug, self._name, self._credential = slug, name, credential
        self._nodes: list[dict[str, Any]] = []
        self._connections: dict[str, Any] = {}
        self._last: list[str] = []
        self._column = 0
        content = {"content": note, "height": 320, "width": 700}
        self._add("Note", "n8n-nodes-base.stickyNote", 1, content, (-60, -380))

    def starts(self, *, every_morning: bool) -> None:
        if every_morning:
            rule = {"rule": {"interval": [{"triggerAtHour": 7}]}}
            self._add("Every morning at 7", "n8n-nodes-base.scheduleTrigger", 1.2, rule, (0, -100))
            self._last.append("Every morning at 7")
        self._add("When clicking Execute", "n8n-nodes-base.manualTrigger", 1, {}, (0, 100 if every_morning else 0))
        self._last.append("When clicking Execute")

    def then(self, name: str, kind: str, version: float, parameters: dict[str, Any], **more: Any) -> None:
        self._column += 1
        self._add(name, kind, version, parameters, (240 * self._column, 0), **more)
        for source in self._last:
            self._connections[source] = {"main": [[{"node": name, "type": "main", "index": 0}]]}
        self._last = [name]

    def sets(self, name: str, *values: tuple[str, Any], **more: Any) -> None:
        assignments = [
            {"id": self._id(f"{name} {key}"), "name": key, "value": value, "type": _type_of(key, value)}
            for key, value in values
        ]
        self.then(name, _SET, 3.4, {"assignments": {"assignments": assignments}, "options": {}}, **more)

    def asks(self, name: str, parameters: dict[str, Any], **more: Any) -> None:
        credentials = {"ollamaRecorderApi": self._credential}
        self.then(name, f"{PACKAGE}.ollamaRecorder", 1, parameters, credentials=credentials, **more)

    def workflow(self) -> dict[str, Any]:
        shape = {"settings": {"executionOrder": "v1"}, "pinData": {}, "meta": {}, "tags": []}
        identity = {"id": f"ollama-recorder-nodes-{self._slug}", "name": f"Recorder: {self._name}", "active": False}
        return identity | {"nodes": self._nodes, "connections": self._connections} | shape

    def _add(
        self, name: str, kind: str, version: float, parameters: dict[str, Any], place: tuple[int, int], **more: Any
    ) -> None:
        place_and_id = {"position": [*place], "id": self._id(name), "name": name}
        self._nodes.append({"parameters": parameters, **place_and_id, "type": kind, "typeVersion": version, **more})

    def _id(self, name: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"ollama-recorder {self._slug} {name}"))


def _type_of(name: str, value: Any) -> str:
    if isinstance(value, int | float) or name == "count" or name.endswith(_NUMBERS):
        return "number"
    return "array" if name == "prompts" else "string"


def _if_any(drawing: _Drawing) -> None:
    options = {"caseSensitive": True, "leftValue": "", "typeValidation": "strict", "version": 2}
    operator = {"type": "number", "operation": "gt"}
    condition = {"id": "some", "leftValue": "={{ $json.count }}", "rightValue": 0, "operator": operator}
    conditions = {"options": options, "combinator": "and", "conditions": [condition]}
    drawing.then("If there are any", "n8n-nodes-base.filter", 2.2, {"conditions": conditions, "options": {}})


def _mail(drawing: _Drawing, subject: str, text: str) -> None:
    ends = {f"{end}Email": f"={{{{ $('Settings').first().json.mail_{end} }}}}" for end in ("from", "to")}
    drawing.then("Mail", "n8n-nodes-base.emailSend", 2.1, ends | _MAIL | {"subject": subject, "text": text})


def failures_by_mail(credential: dict[str, str]) -> dict[str, Any]:
    """A mail each morning: what failed last night, why, who was hit and whether a later try was answered."""
    note = (
        "## Every morning: what failed last night, and why?\nThe recorder puts failures of one cause together, says"
        " what to do, and whether whoever asked got an answer all the same. After a night without failures no mail"
        " is sent.\n\n1. Write your addresses into **Settings**, and since when.\n2. Give **Mail** an SMTP"
        " credential.\n3. Activate the workflow.\n\nNo prompt and no answer is in the mail."
    )
    drawing = _Drawing("failures-by-mail", "last night's failures by mail", note, credential)
    drawing.starts(every_morning=True)
    drawing.sets("Settings", ("since", "-14h"), *_ADDRESSES)
    filters = {"from": "={{ $json.since }}"}
    asked = {"resource": "call", "operation": "causes", "filters": filters}
    drawing.asks("Why calls failed", asked, alwaysOutputData=True)
    causes = "$('Why calls failed').all().filter(one => one.json.count)"
    line = (
        "one.json.count + ' × ' + (one.json.cause || one.json.reason) + '\\n  ' + one.json.sentence"
        " + (one.json.advice ? '\\n  ' + one.json.advice : '') + '\\n  '"
        " + one.json.who.map(who => who.name + ' (' + who.count + ')').join(', ')"
        " + '; answered later: ' + one.json.answered + ', never: ' + one.json.unanswered"
    )
    drawing.sets(
        "In words",
        ("count", f"={{{{ {causes}.reduce((sum, one) => sum + one.json.count, 0) }}}}"),
        ("list", f"={{{{ {causes}.map(one => {line}).join('\\n\\n') }}}}"),
        executeOnce=True,
    )
    _if_any(drawing)
    _mail(drawing, "={{ $json.count }} failures last night", "={{ $json.list }}")
    return drawing.workflow()


def slow_prompts_by_mail(credential: dict[str, str]) -> dict[str, Any]:
    """A mail each morning with yesterday's slow calls; it asks the recorder, and needs no Loki."""
    note = (
        "## Every morning: what was slow yesterday?\nAsks the recorder itself: no Loki is needed. Lets a model write a"
        " summary, and mails it. On a day without slow calls no mail is sent.\n\n1. Write your addresses, the limit in"
        " seconds and the model into **Settings**.\n2. Give **Mail** an SMTP credential.\n3. Activate the workflow."
        "\n\nSummary and mail have prompts in them: they leave this machine by mail."
    )
    drawing = _Drawing("slow-prompts-by-mail", "yesterday's slow prompts by mail", note, credential)
    drawing.starts(every_morning=True)
    drawing.sets("Settings", ("slow_seconds", 10), ("model", "llama3.1:8b"), *_ADDRESSES)
    filters = {
        "slower": "={{ $json.slow_seconds }}",
        "from": "={{ $today.minus({ days: 1 }).toISO() }}",
        "to": "={{ $today.toISO() }}",
    }
    asked = {"resource": "call", "operation": "find", "returnAll": True, "filters": filters}
    drawing.asks("Find slow calls", asked, alwaysOutputData=True)
    calls = "$('Find slow calls').all().map(one => one.json).filter(one => one.exchange)"
    line = (
        "one.request_time + ' s, ' + (one.model ?? 'no model') + ', ' + (one.workflow ?? one.user_agent ?? 'unknown')"
    )
    line += " + ': ' + (one.prompt ?? '')"
    ordered = f"{calls}.sort((a, b) => b.request_time - a.request_time).slice(0, 20)"
    drawing.sets(
        "Slow calls",
        ("count", f"={{{{ {calls}.length }}}}"),
        ("list", f"={{{{ {ordered}.map(one => {line}).join('\\n') }}}}"),
        executeOnce=True,
    )
    _if_any(drawing)
    prompt = (
        "={{ 'Below are yesterday\\'s slowest calls to our language models: seconds, model, who asked, request. Say in"
        " at most ten sentences what they have in common and what to do about it.\\n\\n' + $json.list }}"
    )
    drawing.asks("Summarise", _generates("model", prompt, num_ctx=8192))
    listed = "{{ $('Slow calls').first().json.list }}"
    count = "{{ $('Slow calls').first().json.count }}"
    text = f"={{{{ $json.text }}}}\n\nWritten by {{{{ $json.model }}}} from these calls (at most 20 of {count}):\n\n"
    _mail(drawing, f"={count} slow prompts yesterday", text + listed)
    return drawing.workflow()


def compare_over_a_sheet(credential: dict[str, str]) -> dict[str, Any]:
    """Every prompt of a sheet to two models; a file for a spreadsheet comes out."""
    note = (
        "## Two models over a sheet of prompts\nEach prompt goes to both models; the answers, their times and tokens"
        " come out as a CSV file, a row for each prompt.\n\nPut your own sheet (Google Sheets, a file …) in the place"
        " of *One item per prompt*, with a column `prompt`. All prompts go to the first model, then all to the"
        " second, so that no model is loaded twice. A prompt that fails has an error in its row."
    )
    drawing = _Drawing("compare-over-a-sheet", "compare two models over a sheet of prompts", note, credential)
    drawing.starts(every_morning=False)
    drawing.sets("Settings", ("model_a", "llama3.1:8b"), ("model_b", "mistral:7b"), ("prompts", _PROMPTS))
    split = {"fieldToSplitOut": "prompts", "options": {"destinationFieldName": "prompt"}}
    drawing.then("One item per prompt", "n8n-nodes-base.splitOut", 1, split)
    prompt = "={{ $('One item per prompt').item.json.prompt }}"
    for letter in "AB":
        asked = _generates(f"model_{letter.lower()}", prompt, temperature=0, seed=1)
        drawing.asks(f"Ask model {letter}", asked, onError="continueRegularOutput")
    drawing.sets(
        "Row",
        ("prompt", prompt),
        *(
            (f"{letter.lower()}_{name}", f"={{{{ $('Ask model {letter}').item.json.{key} ?? null }}}}")
            for letter in "AB"
            for name, key in _COLUMNS
        ),
    )
    drawing.then("Sheet", "n8n-nodes-base.convertToFile", 1.1, {"operation": "csv", "options": {}})
    return drawing.workflow()


def _generates(model: str, prompt: str, **options: Any) -> dict[str, Any]:
    locator = {"__rl": True, "mode": "id", "value": f"={{{{ $('Settings').first().json.{model} }}}}"}
    return {"resource": "model", "operation": "generate", "model": locator, "prompt": prompt, "options": options}


MORE: Final[dict[str, Callable[[dict[str, str]], dict[str, Any]]]] = {
    "compare-over-a-sheet": compare_over_a_sheet,
    "failures-by-mail": failures_by_mail,
    "slow-prompts-by-mail": slow_prompts_by_mail,
}
