"""What an error is called and what to do about it, by its words and by whom they blame: caller, model, its program."""

import re
from typing import Final

from service.record.answer_errors import BROKEN_OFF, NO_ANSWER, NO_END, NOTHING_CAME, RUNNER_GONE

SOMETHING_ELSE_ANSWERED: Final = (
    "Something else answered in Ollama's place, such as a proxy, a login page or another program: see where OLLAMA_URL"
    " leads, and what stands between."
)
_CRASHED: Final = (
    "The program that runs the model crashed or did not start; Ollama's log has the reason, often too little memory:"
    " a smaller model, a smaller quantization or a smaller num_ctx needs less."
)
_TOO_LARGE: Final = (
    "The model does not fit into memory: take a smaller one or a smaller quantization, lower num_ctx, or unload others"
    " ('ollama stop')."
)
_CUT_OR_CRASHED: Final = (
    "Most likely the program that runs the model crashed, often for too little memory, or something between cut the"
    " answer: Ollama's log has the reason. Then send it again."
)
_MODEL_WROTE_IT: Final = (
    "The model wrote a call of a tool that cannot be read; the request is not at fault. Send it again, take another"
    " model, or offer fewer and simpler tools."
)

_PROGRAM_CRASHED: Final = "the model's program crashed"
_UNREADABLE_CALL: Final = "a tool call that cannot be read"

_EMPTY = (
    "Ollama answered nothing, as it does where the model cannot do what was asked, such as to draw: Ollama's log may"
    " have the reason; choose another model, or send it again."
)

# How errors begin that the recorder words itself, what it is called, what to do; the first that fits counts.
_OWN = (
    (NO_END, "an answer without its end", _CUT_OR_CRASHED),
    (RUNNER_GONE, _PROGRAM_CRASHED, "Most likely the model's program crashed. " + _CRASHED),
    (
        BROKEN_OFF,
        "an answer broken off by the server",
        "The log of Ollama, or of the server behind it, has the reason. Then send it again.",
    ),
    (NOTHING_CAME, "an empty answer", _EMPTY),
    (NO_ANSWER, "something else answered", SOMETHING_ELSE_ANSWERED),
)

# What Ollama says, in the words of its source: (pattern, what it is called, what to do)
_ANYWHERE = tuple(
    (re.compile(pattern, re.IGNORECASE), cause, advice)
    for pattern, cause, advice in (
        (
            r"(?:pull|push) model manifest|pull model .{0,40}file does not exist",
            "the model could not be fetched",
            "Check the name of the model, and whether the machine of Ollama reaches the registry.",
        ),
        (
            r"model .{0,200} not found",
            "the model is not there",
            "'ollama list' shows the models that are there: fetch this one with 'ollama pull', or correct its name.",
        ),
        (
            r"maximum pending requests|server busy",
            "Ollama's queue was full",
            "Ollama's queue was full: let fewer calls run at once, or raise OLLAMA_MAX_QUEUE.",
        ),
        # What a model wrote is quoted in it, so this comes before all that may be found in a quotation.
        (r"pars(?:e|ing) (?:the )?tool.?calls?", _UNREADABLE_CALL, _MODEL_WROTE_IT),
        (
            r"more (?:system|gpu) memory|out of memory|cudaMalloc|unable to allocate|failed to allocate",
            "too little memory",
            _TOO_LARGE,
        ),
        (
            r"runner process|no longer running|waiting for llama runner|runner has unexpectedly stopped|CUDA error"
            r"|running the model|POST predict|error reading llm response|unexpected EOF.{0,40}runner"
            r"|(?:llama-server|llama runner|model runner).{0,80}(?:exit|terminat|crash|stopp|died|signal)",
            _PROGRAM_CRASHED,
            _CRASHED,
        ),
        (
            r"exceeds? (?:the )?(?:maximum |available )?context|longer than the context",
            "longer than the context",
            "The input is longer than the context: raise num_ctx, or send it in parts.",
        ),
        (
            r"does not support",
            "the model cannot do that",
            "This model cannot do that: 'ollama show' lists what it can; choose another, or leave that out.",
        ),
    )
)
_ACCOUNT = (
    re.compile(r"unauthori[sz]ed|not authenticated|sign ?in|api key", re.IGNORECASE),
    "an account or a key is missing",
    "It needs an account or a key: 'ollama signin', or the key of the API.",
)
# Only a refusal is about the request.
_OF_A_REFUSAL = (
    (
        re.compile(r"invalid character '\\x1f'", re.IGNORECASE),
        "a compressed request",
        "Ollama does not read compressed requests: send it without Content-Encoding.",
    ),
    (
        re.compile(
            r"invalid character|unexpected end of JSON|unexpected EOF|cannot unmarshal|missing request body",
            re.IGNORECASE,
        ),
        "the request is not the JSON that Ollama expects",
        "The body is not the JSON that Ollama expects. Texts that are put into JSON by hand need their quotes and"
        " line ends escaped: let a JSON function (in n8n: JSON.stringify) write them.",
    ),
    _ACCOUNT,
)
# In the midst of an answer, or with a status of 500, the same words are about the model's program.
_OF_AN_ANSWER = (
    (re.compile(r"tool.?call|function call", re.IGNORECASE), _UNREADABLE_CALL, _MODEL_WROTE_IT),
    (
        re.compile(
            r"\bEOF\b|connection (?:was )?(?:forcibly|reset|refused|closed)|broken pipe|wsarecv|socket hang up",
            re.IGNORECASE,
        ),
        _PROGRAM_CRASHED,
        _CRASHED,
    ),
    (
        re.compile(
            r"invalid character|unexpected end of JSON|cannot unmarshal|XML syntax|failed to parse", re.IGNORECASE
        ),
        "an answer that cannot be read",
        "What the model wrote, or the program that runs it, cannot be read; the request is not at fault. Send it again,"
        " or take another model; Ollama's log may say more.",
    ),
    _ACCOUNT,
)
_STATUSES = {
    400: "Ollama did not accept the request as it is.",
    401: "Send a key that is known here, as 'Authorization: Bearer …'.",
    403: "It is not allowed; the message says what would allow it.",
    404: "Check the address and the name of the model.",
    405: "Check the method: most of Ollama's addresses take POST.",
    413: "The request is too large: send it in parts.",
    429: "There were too many calls: try again later, or fewer at once.",
    500: "Ollama's log says more.",
    502: "Ollama, or the service it asked, did not answer properly; its log says more.",
    503: "Ollama was too busy: try again later, or let fewer calls run at once.",
    504: "It took too long: raise OLLAMA_TIMEOUT.",
}


def advice_for(status: int | None, error: str) -> str:
    """What to do about an error with this ``status``; empty where nothing is known."""
    known = _known(status, error)
    return known[1] if known else _STATUSES.get(status or 0, "")


def name_of(status: int | None, error: str) -> str:
    """What an error of this kind is called, in a few words; empty where its words are not known."""
    known = _known(status, error)
    return known[0] if known else ""


def _known(status: int | None, error: str) -> tuple[str, str] | None:
    for beginning, cause, advice in _OWN:
        if error.startswith(beginning):
            return cause, advice
    is_refusal = status is not None and 400 <= status < 500
    patterns = (*_ANYWHERE, *(_OF_A_REFUSAL if is_refusal else _OF_AN_ANSWER))
    return next(((cause, advice) for pattern, cause, advice in patterns if pattern.search(error)), None)


def is_crash(status: int | None, error: str) -> bool:
    """Whether ``error`` says that the program that runs the model crashed, or that memory did not suffice for it."""
    return advice_for(status, error) in (_CRASHED, _TOO_LARGE)
