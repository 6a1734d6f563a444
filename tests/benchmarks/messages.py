"""The bytes of the measured exchanges: what an n8n HTTP Request node asks, and what Ollama answers."""

import json

MAIL = "Dear Sir or Madam, the invoice 2026-1184 was paid twice, please return the second payment. "
SENTENCE = "The sender asks for the return of a payment that was made twice for one invoice. "


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def filled(value: object, message: dict[str, str], text: str, length: int) -> bytes:
    """``value`` as ``length`` bytes: ``message``, which is in it, gets so much of ``text`` as content."""
    missing = length - len(compact(value))
    message["content"] = (text * 9)[:missing]
    return compact(value)


def _request(stream: bool) -> bytes:
    """490 bytes of a chat request."""
    chat = {
        "model": "llama3.2",
        "messages": [
            {"role": "system", "content": "You sort incoming mail. Answer with one JSON object and nothing else."},
            {"role": "user", "content": ""},
        ],
        "stream": stream,
        "options": {"temperature": 0.2, "num_ctx": 4096, "num_predict": 256},
    }
    return filled(chat, chat["messages"][1], MAIL, 490)  # type: ignore[index]


def _answer() -> bytes:
    """840 bytes of a chat answer."""
    message = {"role": "assistant", "content": ""}
    answer = {
        "model": "llama3.2",
        "created_at": "2026-11-21T00:27:42.455996959Z",
        "message": message,
        "done": True,
        "done_reason": "stop",
        "total_duration": 1867472092,
        "load_duration": 41373291,
        "prompt_eval_count": 118,
        "prompt_eval_duration": 120445339,
        "eval_count": 97,
        "eval_duration": 1693410134,
    }
    return filled(answer, message, SENTENCE, 840)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


SMALL_REQUEST = _request(stream=False)
STREAM_REQUEST = _request(stream=True)
CHAT_ANSWER = _answer()
TOKEN_LINE = (
    compact(
        {
            "model": "llama3.2",
            "created_at": "2026-11-21T00:27:42.183292713Z",
            "message": {"role": "assistant", "content": " return"},
            "done": False,
        }
    )
    + b"\n"
)
LAST_LINE = (
    compact(
        {
            "model": "llama3.2",
            "created_at": "2026-11-21T00:27:45.183292713Z",
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "stop",
            "total_duration": 3067472092,
            "load_duration": 41373291,
            "prompt_eval_count": 118,
            "prompt_eval_duration": 120445339,
            "eval_count": 149,
            "eval_duration": 2893410134,
        }
    )
    + b"\n"
)
TOKEN_CHUNK = chunk(TOKEN_LINE)
LAST_LINE_CHUNK = chunk(LAST_LINE)
LAST_CHUNK = b"0\r\n\r\n"


def post(path: str, body: bytes, headers: str = "") -> bytes:
    """The bytes of one request as n8n's HTTP client (axios on Node) sends it, with more ``headers`` as whole lines."""
    head = (
        f"POST {path} HTTP/1.1\r\n"
        "Accept: application/json,text/html,application/xhtml+xml,application/xml,text/*;q=0.9, */*;q=0.8\r\n"
        "Content-Type: application/json\r\n"
        "X-N8N-Workflow-Id: wf8Qm3\r\n"
        "X-N8N-Workflow-Name: Invoices\r\n"
        "X-N8N-Execution-Id: 231\r\n"
        "X-N8N-Node: Summarise\r\n"
        "User-Agent: axios/1.12.0\r\n"
        f"{headers}"
        f"Content-Length: {len(body)}\r\n"
        "Host: localhost\r\n"
        "Connection: keep-alive\r\n\r\n"
    )
    return head.encode() + body
