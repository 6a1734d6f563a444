"""Well-known shapes of secrets in a text, replaced by ``***`` behind their recognisable prefix.

Clean text must cost next to nothing, as this runs over every body. So patterns are tried only
where a secret can be: around runs of twenty characters that tokens are made of, in addresses
with an ``@``, and after ``Authorization``. Every pattern is bounded, and none lets a match end
between a backslash and what it escapes or run over a quote: JSON stays JSON.
"""

import re
from collections.abc import Iterator

from service.record.random_text import has_digit_or_capital, looks_random

_RUN = 20
_TOKEN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/."
_IS_TOKEN = bytes(ord("x") if byte in _TOKEN else ord(" ") for byte in range(256))
_LONG_RUN = b"x" * _RUN
# Long words of the APIs themselves, met in every answer.
_HARMLESS = frozenset(
    (
        b"prompt_eval_duration",
        b"chat.completion.chunk",
        b"additionalProperties",
        b"previous_response_id",
        b"input_tokens_details",
        b"output_tokens_details",
        b"prompt_tokens_details",
        b"completion_tokens_details",
    )
)
# How far before a run the name of a setting may stand, and how much of a run is looked at.
_BEFORE, _LOOKED_AT = 200, 4096

# A secret begins where a word begins; a word may follow an escape, in JSON text such as \n, in an address such as %7E.
_START = rb"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt])|(?<=\\u[0-9a-fA-F]{4})|(?<=%[0-9a-fA-F]{2}))"
_SOME_DIGIT = rb"(?=[A-Za-z_-]{0,200}[0-9])"
_B64 = rb"(?:[A-Za-z0-9+/=_-]|\\/|\\u00(?:2[bBfF]|3[dD]))"
# The space between the lines of a PEM block: real, or as JSON writes it, also twice over.
_PEM_SPACE = rb"(?:[ \t\r\n]|\\{1,4}[nrt]){0,4}"
_PEM_64 = rb"(?:[A-Za-z0-9+/=]|\\/)"
_PEM_HEADERS = rb"(?:" + _PEM_SPACE + rb"[A-Z][A-Za-z-]{1,40}: [A-Za-z0-9,-]{1,80}){0,4}"
_PEM = (
    _PEM_HEADERS
    + rb"(?:"
    + _PEM_SPACE
    + _PEM_64
    + rb"{16,200}){1,120}(?:"
    + _PEM_SPACE
    + rb"[A-Za-z0-9+/]{1,15}={1,2})?"
)
_PEM_LAST_LINE = rb"(?:" + _PEM_SPACE + _PEM_64 + rb"{1,15})?" + _PEM_SPACE

# Each has one group: the prefix that stays. The rest of the match is the secret.
_SHAPES = (
    rb"(sk-(?:ant-|proj-|svcacct-|admin-|or-v1-|lf-)?)" + _SOME_DIGIT + rb"[A-Za-z0-9_-]{18,400}",
    rb"(pk-lf-|sk_live_|rk_live_|sk_test_|rk_test_|whsec_|gsk_|hf_|npm_|r8_|glpat-|glsa_|dop_v1_|pypi-|nvapi-|sbp_)"
    + rb"[A-Za-z0-9_-]{16,400}",
    rb"(gh[pousr]_)[A-Za-z0-9]{20,300}",
    rb"(github_pat_)[A-Za-z0-9_]{20,300}",
    rb"(xox[abeoprs]-|xapp-)[A-Za-z0-9-]{10,300}",
    rb"(AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    rb"(AIza)[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])",
    rb"(ya29\.)[A-Za-z0-9_-]{20,400}",
    rb"(SG\.)[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",
    rb"(tvly-|xai-|pplx-|lsv2_(?:pt|sk)_|n8n_api_|shp(?:at|ss|ca|pa)_|dckr_pat_|hvs\.|lin_api_|figd_|PMAK-)"
    + _SOME_DIGIT
    + rb"[A-Za-z0-9_-]{20,300}",
    rb"(eyJ)[A-Za-z0-9_-]{10,4000}\.eyJ[A-Za-z0-9_-]{4,8000}\.[A-Za-z0-9_-]{0,2000}",
    rb"(hooks\.slack\.com\\?/services\\?/)[A-Z0-9]{6,16}\\?/[A-Z0-9]{6,16}\\?/[A-Za-z0-9]{16,40}",
    rb"((?i:aws_?secret_?(?:access_?)?key|secret_?access_?key)[\\\"' ]{0,6}[:=][\\\"' ]{0,6})"
    rb"(?:[A-Za-z0-9+/]|\\/|\\u002[bBfF]){40}(?![A-Za-z0-9+/])",
    rb"((?i:bearer) {1,4})[A-Za-z0-9_.~+/=-]{16,4000}",
    rb"((?i:AccountKey|SharedAccessKey)=)" + _B64 + rb"{40,120}",
    rb"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)"
    + _PEM
    + rb"(?:"
    + _PEM_LAST_LINE
    + rb"-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?",
)
_SECRET = re.compile(_START + rb"(?:" + rb"|".join(_SHAPES) + rb")")
_MAY_BEGIN = re.compile(
    rb"sk-|pk-lf|[sr]k_[lt]|whsec|gsk_|hf_|npm_|r8_|gl(?:pat|sa)|dop_|pypi-|nvapi|sbp_|gh[pousr]_|github_p|xox|xapp-|A[KS]IA|AIza"
    rb"|ya29|SG\.|tvly-|xai-|pplx-|lsv2_|n8n_a|shp[asc]|dckr_|hvs\.|lin_a|figd_|PMAK-|eyJ|hooks\.s|-----BEGIN"
    rb"|[Aa][Ww][Ss]_?[Ss]|[Ss]ecret_?[Aa]cc|SECRET_ACC|[Bb]earer |BEARER |[Aa]ccountKey|SharedAcc"
)
# ``npm_config_user_agent``, ``sk-circle-spinner``, ``n8n_api_key_name``: what is read must look like a key.
_BEGINS_WORDS_TOO = tuple(
    prefix.encode()
    for prefix in (
        *("sk-", "sk_", "rk_", "pk-lf-", "gsk_", "hf_", "npm_", "r8_", "glsa_", "dop_v1_", "pypi-", "sbp_"),
        *("tvly-", "xai-", "pplx-", "lsv2_", "n8n_api_", "shp", "dckr_pat_", "hvs.", "lin_api_", "figd_", "pmak-"),
        *("github_pat_", "gho_", "ghu_", "ghs_", "ghr_", "ghp_", "xapp-"),
    )
)
# Names of settings and functions that begin so have more words than one (``sk_test_connection_timeout``).
_STRIPE, _UNBROKEN = (b"sk_", b"rk_"), re.compile(rb"[A-Za-z0-9]{16}")
# No word is so long, and names of several have ``_``, ``-`` or capitals between them.
_LOWER_WITH_DIGIT = re.compile(rb"(?<![A-Za-z0-9])(?=[a-z]{0,400}[0-9])[a-z0-9]{20}")
_BEGINS_FEW_WORDS = (b"glpat-", b"whsec_", b"nvapi-", b"xox", b"bearer ")
_PASSWORD = re.compile(rb"([^\s\"'/@\\:<>]{0,200}+:)(?!\*\*\*@)[^\s\"'/@\\<>]{1,400}+(?=@)")
_AT = ord("@")
_ADDRESS_MARKS = (b"://", rb":\/\/")
_AUTHORIZATION = re.compile(
    rb"(uthorization[\\\"']{0,6} {0,4}[:=,] {0,4}[\\\"']{0,6}(?i:basic|bearer|token|digest) {1,4})"
    rb"(?=[a-z_.~+:/-]{0,200}[A-Z0-9=])(?:[A-Za-z0-9_.~+=:-]|\\?/|\\u00(?:2[bBfF]|3[dD])){1,4000}"
)


def mask(data: bytes) -> tuple[bytes, int]:
    """``data`` with its secrets replaced, and how many there were. Without any, the very same object."""
    runs = data.translate(_IS_TOKEN)
    first_run = runs.find(_LONG_RUN)
    if first_run >= 0:
        first_run = _next_run(data, runs, first_run)
    # A number is found in bytes in a tenth of the time that a byte takes.
    if first_run < 0 and _AT not in data and data.find(b"uthorization") < 0:
        return data, 0
    spans = sorted({*_near_runs(data, runs, first_run), *_in_addresses(data), *_after_authorization(data)})
    if not spans:
        return data, 0
    pieces: list[bytes] = []
    end = count = 0
    for prefix_start, start, stop in spans:
        if prefix_start < end:
            continue
        pieces += (data[end:start], b"***")
        end, count = stop, count + 1
    pieces.append(data[end:])
    return b"".join(pieces), count


def mask_text(text: str) -> tuple[str, int]:
    """The same for a text; one that UTF-8 cannot hold is taken with its lone surrogates as they are."""
    masked, count = mask(text.encode("utf-8", "surrogatepass"))
    return (masked.decode("utf-8", "surrogatepass"), count) if count else (text, 0)


# (where its kept prefix starts, where the secret starts, where it stops)
_Span = tuple[int, int, int]


def _next_run(data: bytes, runs: bytes, at: int) -> int:
    """Where the next long run starts; -1 when there is none. The words of the APIs themselves do not count."""
    start = runs.find(_LONG_RUN, at)
    while start >= 0:
        end = runs.find(b" ", start + _RUN)
        if end < 0 or data[start:end] not in _HARMLESS:
            return start
        start = runs.find(_LONG_RUN, end)
    return -1


def _near_runs(data: bytes, runs: bytes, start: int) -> Iterator[_Span]:
    done = 0
    while start >= 0:
        end = runs.find(b" ", start + _RUN)
        end = len(data) if end < 0 else end
        # The middle of a very long run is a payload such as an image, not a key.
        stop = min(end, start + _LOOKED_AT)
        begin = _MAY_BEGIN.search(data, max(done, start - _BEFORE), stop)
        while begin:
            done = begin.end()
            match = _SECRET.match(data, begin.start())
            if match and _is_secret(match):
                yield match.start(), match.end(match.lastindex or 0), match.end()
                done = match.end()
            begin = _MAY_BEGIN.search(data, done, stop) if done < stop else None
        done = max(done, end)
        start = _next_run(data, runs, done)


def _is_secret(match: "re.Match[bytes]") -> bool:
    """Whether what follows the prefix looks like a key. Many prefixes begin words and names of settings as well."""
    end = match.end(match.lastindex or 0)
    prefix = match[match.lastindex or 0].lower()
    secret = match[0][end - match.start() :]
    if prefix.startswith(_STRIPE) and _UNBROKEN.match(secret):
        return True
    if prefix.startswith(_BEGINS_WORDS_TOO):
        return looks_random(secret) or _LOWER_WITH_DIGIT.search(secret) is not None
    return has_digit_or_capital(secret) if prefix.startswith(_BEGINS_FEW_WORDS) else True


def _in_addresses(data: bytes) -> Iterator[_Span]:
    if _AT not in data:
        return
    for mark in _ADDRESS_MARKS:
        at = data.find(mark)
        while at >= 0:
            end = at + len(mark)
            if match := _PASSWORD.match(data, end):
                yield match.start(), match.end(1), match.end()
            at = data.find(mark, end)


def _after_authorization(data: bytes) -> Iterator[_Span]:
    at = data.find(b"uthorization")
    while at >= 0:
        match = _AUTHORIZATION.match(data, at)
        if match:
            yield match.start(), match.end(1), match.end()
        at = data.find(b"uthorization", at + 12)
