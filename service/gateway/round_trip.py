"""The way of one exchange: its request goes on, its answer comes back, and it ends exactly once.

Bytes first: the loop that moves an answer writes to the client, copies, notes the time, and does nothing else. The
keeper of exchanges is reached through plain callables, so nothing here knows that a journal exists.
"""

import asyncio
import time
from math import inf
from typing import Final

from service.gateway.call import AlreadySent, Call, Committed, Hooks, Turn
from service.gateway.capture import Capture
from service.gateway.error_responses import REASONS, Refusal, error_body, silent, stopped_arriving, unreachable
from service.gateway.headers import towards_client
from service.gateway.held_replies import HeldReplies
from service.gateway.idle_timeout import IdleTimeout
from service.gateway.request import Request
from service.gateway.request_body import RequestBodyReader
from service.gateway.response_writer import ResponseWriter
from service.gateway.turns import ask_in_turn
from service.gateway.upstream import Failure, RequestBody, UpstreamResponse
from service.record.exchange import Body, Exchange, OpenExchange, Outcome

# Smaller requests are read whole and sent with their head in one packet; larger ones flow.
READ_WHOLE_BYTES: Final = 256 * 1024
# How long a request is read on for its record when its client was answered already.
READ_ON_SECONDS = 1.0
# The times of the first pieces are enough to find the first token's: nothing is kept per chunk.
NOTED_ARRIVALS: Final = 24


class RoundTrip:
    """One exchange. It ends exactly once, in ``end``."""

    def __init__(self, hooks: Hooks, held: HeldReplies, request: Request, call: Call) -> None:
        self.hooks = hooks
        self.held = held
        self.settings = settings = hooks.settings
        self.request = request
        self.reply = ResponseWriter(request)
        self.call = call
        # What passed, and when
        self.started = time.monotonic()
        self.idle_timeout = timeout = IdleTimeout(settings.idle_seconds, settings.body_seconds)
        self.body_reader = RequestBodyReader(
            request.head, request.body, timeout, settings.keep_body_bytes, hooks.copy_room
        )
        self.answer_copy = Capture(settings.keep_body_bytes, hooks.copy_room)
        self.arrivals: list[tuple[int, float]] = []
        # How it goes and ended: all of it is set here, as what only the class has takes longer to read
        self.answer: UpstreamResponse | None = None
        self.turn: Turn | None = None
        self.answer_type = self.answer_encoding = ""
        self.opened: OpenExchange | None = None
        self.status: int | None = None
        self.upstream_status: int | None = None
        self.outcome: Outcome | None = None
        self.error: str | None = None
        self.has_ended = False

    async def run(self) -> AlreadySent:
        self.idle_timeout.watch()
        body = await self._request_body()
        share = self.hooks.share
        turn = self.turn = None if share is None else share(self.opened or self._opened(), self.call.upstream)
        if turn is None or turn.take_at_once(body):
            answer = await self.hooks.send(self.call.method, self.call.target, self.call.header_lines, body)
        else:
            found = await ask_in_turn(turn, self.call, body, self._opened, self.hooks.send, self.idle_timeout)
            if isinstance(found, Refusal):
                return await self.refuse(found)
            answer = found
        if isinstance(answer, Failure):
            return await self._tell_failure(answer)
        self.answer = answer
        self.upstream_status = answer.status
        head = towards_client(answer.headers)
        self.answer_type, self.answer_encoding = head.content_type, head.content_encoding
        has_body = self.call.method != "HEAD" and answer.status not in (204, 304)
        self._start_reply(answer.status, answer.reason, head.lines, answer.length, has_body)
        if not has_body or answer.length == 0:
            return await self._finish(answer, b"")
        if not answer.has_begun:
            self.reply.send_head()
        return await self._move_answer(answer)

    # The request's body

    async def _request_body(self) -> RequestBody | None:
        length = self.request.length
        if length == 0:
            self._open()
            return None
        # Only now, so that a refused request need not send its body.
        self.reply.invite()
        self.body_reader.is_incomplete = True
        if length is None or length > READ_WHOLE_BYTES:
            return RequestBody(self.body_reader.pieces(self._open), length)
        return RequestBody(await self.body_reader.whole(self._open), length)

    def _open(self) -> None:
        if not self.has_ended:
            self.opened = self.call.open_with(self.body_reader.body())
            self.hooks.open(self.opened)

    def _opened(self) -> OpenExchange:
        return self.opened or self.call.open_with(self.body_reader.body())

    # The answer

    def _start_reply(
        self, status: int, reason: bytes, lines: list[bytes], length: int | None, has_body: bool = True
    ) -> None:
        self.status = status
        lines.append(b"X-Exchange-Id: " + self.call.id.encode() + b"\r\n")
        for name, value in self.call.cors:
            lines.append(b"%b: %b\r\n" % (name.encode(), value.encode("utf-8", "surrogateescape")))
        may_stay = not self.hooks.is_stopping and self.body_reader.fault is None
        self.reply.start(status, reason, lines, length, has_body, may_stay=may_stay)

    async def _move_answer(self, answer: UpstreamResponse) -> AlreadySent:
        reply, copy, idle_timeout, arrivals, started = (
            self.reply,
            self.answer_copy,
            self.idle_timeout,
            self.arrivals,
            self.started,
        )
        length, last_piece = answer.length, b""

        def take(piece: bytes) -> bool:
            nonlocal last_piece
            now = time.monotonic()
            idle_timeout.heard(now)
            if len(arrivals) < NOTED_ARRIVALS:
                arrivals.append((copy.length, now - started))
            copy.add(piece)
            if copy.length == length:
                last_piece = piece
                return True
            return reply.send(piece)

        while await answer.forward(take):
            if last_piece:
                return await self._finish(answer, last_piece)
            idle_timeout.is_paused = True
            await reply.drain()
            await self.hooks.quantum.take()
            idle_timeout.is_paused = False
        if answer.failure is not None:
            self.outcome = Outcome.UPSTREAM_BROKE_OFF
            self.error = f"Ollama broke off: {answer.failure}"
            return self.hang_up()
        return await self._finish(answer, b"")

    async def _finish(self, answer: UpstreamResponse | None, last_piece: bytes) -> AlreadySent:
        """The answer is whole: send its last bytes when its record is on disk."""
        if answer is not None:
            answer.finish()
            self.answer = None
        if self.outcome is None:
            self.outcome = Outcome.COMPLETED
        loop = asyncio.get_running_loop()
        hold = self.settings.hold
        let_go_at = loop.time() + hold
        if self.body_reader.is_incomplete and self.outcome is not Outcome.CLIENT_LEFT:
            self.idle_timeout.end()
            if not await self.body_reader.read_on(min(hold, READ_ON_SECONDS)) and hold < inf:
                # It comes slowly. The client does not wait for its record, and the record waits for a bounded time.
                self.reply.finish(last_piece)
                await self.body_reader.read_on(READ_ON_SECONDS)
                self.end()
                return AlreadySent(self.reply.stays_connected)
        committed = self.end()
        if committed is not None and hold and not committed.done():
            if hold < inf:
                self.held.add(committed, let_go_at)
            await committed
        self.reply.finish(last_piece)
        return AlreadySent(self.reply.stays_connected)

    # Everything that is not Ollama's answer

    async def refuse(self, refusal: Refusal) -> AlreadySent:
        self.outcome = Outcome.REFUSED
        return await self._say(refusal.status, refusal.message, refusal.setting, refusal.headers)

    async def _tell_failure(self, failure: Failure) -> AlreadySent:
        if self._client_is_gone:
            self.client_left()
            return self.hang_up()
        if self.body_reader.fault is not None:
            return await self.refuse_body(self.body_reader.fault)
        self.outcome = failure.outcome
        url = self._ollama_url
        if failure.outcome is Outcome.UPSTREAM_UNREACHABLE:
            return await self._say(502, unreachable(url, failure.reason))
        return await self._say(502, f"Ollama at {url} broke off before it answered: {failure.reason}.")

    async def refuse_body(self, fault: str) -> AlreadySent:
        """What came of the request's body is no valid HTTP, so its end is not known; ``fault`` says so."""
        self.body_reader.is_incomplete = True
        return await self._refuse_sender(400, fault)

    async def _refuse_sender(self, status: int, message: str) -> AlreadySent:
        self.outcome = Outcome.CLIENT_LEFT if self.reply.has_begun else Outcome.REFUSED
        return await self._tell(status, message)

    async def gave_up(self) -> AlreadySent:
        """Nothing was heard for too long. Whose silence it was decides what to say."""
        self._abort_upstream()
        if self.idle_timeout.waits_for_client:
            return await self._refuse_sender(408, stopped_arriving(self.settings.body_seconds))
        self.outcome = Outcome.UPSTREAM_TIMED_OUT
        return await self._tell(504, silent(self._ollama_url, self.settings.idle_seconds))

    async def fail(self, error: Exception) -> AlreadySent:
        """A fault of ours: the record says so, and the client too if nothing was sent yet."""
        self.outcome = self.outcome or Outcome.GATEWAY_STOPPED
        self.error = f"a fault in the recorder: {error!r}"
        return await self._tell(500, self.error)

    async def _tell(self, status: int, message: str) -> AlreadySent:
        self.error = message
        if self.reply.has_begun or self.has_ended:
            return self.hang_up()
        return await self._say(status, message)

    async def _say(
        self, status: int, message: str, setting: str | None = None, more: tuple[tuple[str, str], ...] = ()
    ) -> AlreadySent:
        self.error = message
        body = error_body(self.call.path, status, message, setting)
        self.answer_type = "application/json"
        lines = [b"Content-Type: application/json\r\n"]
        lines.extend(f"{name}: {value}\r\n".encode() for name, value in more)
        self._start_reply(status, REASONS.get(status, b""), lines, len(body))
        sent = b"" if self.call.method == "HEAD" else body
        self.answer_copy.add(sent)
        return await self._finish(None, sent)

    def client_left(self, reason: str | None = None) -> None:
        self.outcome = self.outcome or Outcome.CLIENT_LEFT
        self.error = self.error or reason

    def was_cancelled(self) -> None:
        if self.outcome is None:
            self.outcome = Outcome.GATEWAY_STOPPED if self.hooks.is_stopping else Outcome.CLIENT_LEFT
        if self.hooks.is_stopping:
            self.hang_up()

    def hang_up(self) -> AlreadySent:
        self.reply.hang_up()
        return AlreadySent(keep_alive=False)

    @property
    def _ollama_url(self) -> str:
        return (self.turn and self.turn.url) or self.settings.ollama_url

    @property
    def _client_is_gone(self) -> bool:
        transport = self.request.client.transport
        return transport is None or transport.is_closing()

    def _abort_upstream(self) -> None:
        if self.answer is not None:
            self.answer.abort()
            self.answer = None

    def end(self) -> Committed | None:
        """The one exit: without ``await``, so that nothing can come between."""
        if self.has_ended:
            return None
        self.has_ended = True
        self.idle_timeout.end()
        self._abort_upstream()
        if self.turn is not None:
            self.turn.end()
        answer = self.answer_copy.body(self.answer_type, self.answer_encoding)
        self.answer_copy.release()
        self.body_reader.copy.release()
        return self.hooks.close(self._exchange(self._opened(), answer))

    def so_far(self, most_bytes: int) -> Exchange | None:
        """The exchange as if it ended now, without a longer answer than that; None while its request is read."""
        if self.opened is None or self.has_ended:
            return None
        length = self.answer_copy.length
        if length <= most_bytes:
            return self._exchange(self.opened, self.answer_copy.body(self.answer_type, self.answer_encoding))
        return self._exchange(self.opened, Body(length))

    def _exchange(self, opened: OpenExchange, answer: Body) -> Exchange:
        turn = self.turn
        arrivals = self.arrivals
        exchange = Exchange(
            opened,
            self.outcome or Outcome.GATEWAY_STOPPED,
            time.time_ns(),
            self.status,
            self.upstream_status,
            time.monotonic() - self.started,
            arrivals[0][1] if arrivals else None,
            tuple(arrivals),
            answer,
            self.error,
            None if self.body_reader.whole_at is None else self.body_reader.whole_at - self.started,
        )
        if turn is None or not turn.has_facts:
            return exchange
        return exchange._replace(
            queued=turn.waited, queued_behind=turn.behind, changed=turn.changed, upstream=turn.upstream
        )
