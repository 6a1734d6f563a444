"""One request to a receiver, and what came of it."""

import aiohttp

import service
from service.shipping.receiver import Batch, Decision, Receiver, Verdict

_LONGEST_ANSWER = 65_536


def open_session(receiver: Receiver) -> aiohttp.ClientSession:
    """A client for this receiver alone: no proxy variables, no cookies, one connection."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=1, ssl=receiver.tls or True),
        headers={"User-Agent": f"ollama-recorder/{service.__version__}", **receiver.headers},
        timeout=aiohttp.ClientTimeout(total=receiver.timeout),
        trust_env=False,
        # What an answer says is read as it is: nobody can make us unpack a bomb.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def send(session: aiohttp.ClientSession, receiver: Receiver, batch: Batch) -> Verdict:
    """Post ``batch`` once and judge the answer; no answer, or one that is not HTTP, is a reason to try again."""
    try:
        async with session.post(receiver.url, data=batch.body, allow_redirects=False) as response:
            body = await _read_at_most(response.content, _LONGEST_ANSWER)
            return receiver.judge(response.status, response.headers, body)
    except TimeoutError:
        return Verdict(Decision.RETRY, "timed_out", f"no answer within {receiver.timeout:g} s")
    except (aiohttp.ClientError, OSError) as error:
        return Verdict(Decision.RETRY, "unreachable", f"{type(error).__name__}: {error}"[:300])


async def _read_at_most(content: aiohttp.StreamReader, most: int) -> bytes:
    """The beginning of an answer: a receiver may say as much as it likes, we do not listen for ever."""
    pieces = bytearray()
    while len(pieces) < most and (piece := await content.read(most - len(pieces))):
        pieces += piece
    return bytes(pieces)
