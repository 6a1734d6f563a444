"""The page and all that readers are shown, put together from the parts.

What the recorder sends by itself (a prompt once more, ``POST /generate``) goes to its own socket. So it is admitted
and recorded like everybody's.
"""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import service
from service.dispatch import Dispatcher
from service.gateway.gateway import Gateway
from service.gateway.generate import Generate
from service.gateway.model_choice import choose_model, list_models
from service.gateway.upstream import Failure, RequestBody, Upstream, UpstreamResponse
from service.gateway.whole_answer import fetch_answer
from service.inspector.batch_pages import BatchPages
from service.inspector.batch_replay import BatchReplays
from service.inspector.erasing import Erasing, Gone
from service.inspector.erasing_everywhere import ErasingEverywhere
from service.inspector.exchange_detail import Links
from service.inspector.live import Live
from service.inspector.pages import Pages
from service.inspector.prompt_rendering import render_prompt
from service.inspector.providers import Providers
from service.inspector.rendering import Rendering
from service.inspector.replaying import Replaying
from service.inspector.threads import aside_at_length
from service.journal.erasing import erase_records
from service.journal.journal import Journal
from service.journal.replay_batches import delete_batch, save_batch, save_row
from service.late_inspector import InspectorParts
from service.loki_search.all_recorders import AllRecorders
from service.loki_search.loki_answers import LokiAddress
from service.mcp_over_http import McpOverHttp
from service.peers.erasing_elsewhere import ErasingElsewhere
from service.record.exchange import Outcome
from service.record.exchange_masking import ExchangeMasking
from service.search.indexing import Indexer
from service.search.recent_numbers import RecentNumbers
from service.search.search import Search
from service.settings import Settings
from service.shipping.loki.deletion import LokiDeletion, ask_loki, delete_lines
from service.shipping.loki.settings import LokiSettings, read_loki_settings
from service.shipping.receiver import WantedReceiver

# So long an erasure waits for an index that is being made.
_INDEX_SECONDS: Final = 10.0


class Inspector:
    """``handle`` answers what is neither asked of the gateway nor polled."""

    def __init__(self, parts: InspectorParts, gateway: Gateway) -> None:
        settings, policy, status = parts.settings, parts.policy, parts.status
        self._status = status
        self._key = parts.key
        self._asks_for_keys = policy.keys is not None
        self._ourselves: Upstream | None = None
        self._erasing_again: asyncio.Task[None] | None = None
        self._search = Search(settings.data_dir)
        self._indexer = Indexer(settings.data_dir)
        self.live = Live(status.relay.so_far, status.reader, settings.mask_secrets, status.waiting, status.own_masks)
        self._mcp = McpOverHttp(settings)
        replaying = Replaying(settings.inspector_replay, self._ask_again)
        self._mask_secrets = settings.mask_secrets
        self._batches = BatchReplays(status.reader, self._ask_again, self._save, lambda: status.relay.in_flight)
        providers = Providers(
            version=service.__version__,
            status=status.status,
            models=partial(list_models, status.send),
            queue=status.queue,
            limits=status.limits,
            reader=status.reader,
            search=self._search,
            live=self.live,
            replaying=replaying,
            rendering=Rendering(
                replaying,
                partial(render_prompt, partial(fetch_answer, status.send), lambda: status.relay.in_flight),
            ),
            batches=BatchPages(replaying, self._batches, self._search, self._delete_batch),
            everywhere=self._everywhere(settings, parts.receivers),
            links=Links(settings.trace_url, settings.n8n_url),
            mcp=self._mcp.answer,
            all_recorders=_all_recorders(settings),
            peers=dict(settings.peers),
        )
        pages = Pages(providers, parts.access, settings.keep_body_bytes)
        trusted = settings.trusted_proxies
        choose = partial(choose_model, settings.generate_model, status.send)
        generate = Generate(gateway, policy, trusted, self.ask_ourselves, choose, settings.request_body_timeout)
        self.handle = Dispatcher(generate, pages, policy, trusted).handle

    async def recent_numbers(self, now_ns: int) -> RecentNumbers:
        """What alerts look at, asked behind those who read totals."""
        return await aside_at_length(self._search.recent_numbers, now_ns)

    def _everywhere(self, settings: Settings, receivers: Sequence[WantedReceiver]) -> ErasingEverywhere:
        loki = read_loki_settings(settings)

        def delete(instance: str, lines: Sequence[tuple[str, int]]) -> LokiDeletion:
            return delete_lines(loki or LokiSettings(""), lines, instance=instance)

        def ask(requests: Sequence[str]) -> str:
            if loki is None:
                return "There is no LOKI_URL (any more)."
            deletion = ask_loki(loki, requests)
            return "" if deletion.is_asked else deletion.text

        erasing = self._erasing(loki, receivers)
        elsewhere = ErasingElsewhere(
            dict(settings.peers), settings.peer_tokens_file, settings.data_dir, ask, erasing.erase_rest
        )
        self._status.open_erasures = elsewhere.trouble
        self._keep_erasing = elsewhere.keep_trying
        own_name = self._status.reader.instance
        store = _all_recorders(settings)
        return ErasingEverywhere(erasing, elsewhere, store, delete, own_name)

    def _erasing(self, loki: LokiSettings | None, receivers: Sequence[WantedReceiver]) -> Erasing:
        return Erasing(
            reader=self._status.reader,
            search=self._search.matches,
            erase_records=self._erase_records,
            forget=self._indexer.erase,
            ask_loki=partial(self._delete_in_loki, loki) if loki else None,
            has_other_receivers=any(not receiver.can_delete for receiver in receivers),
            overwrite_soon=self._status.recorder.tidy_soon,
            send_no_more=self._send_no_more,
            tell_erased=self.live.tell_erased,
            count_behind=self._count_behind,
        )

    def open(self, host: str, port: int) -> None:
        """The recorder listens there. In the event loop."""
        own = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
        self._ourselves = Upstream(f"http://{own}:{port}")
        self._erasing_again = asyncio.get_running_loop().create_task(self._keep_erasing(), name="erase elsewhere")

    def close(self) -> None:
        """Close files and connections."""
        if self._ourselves is not None:
            self._ourselves.close()
        self._search.close()
        self._indexer.close()

    async def ask_ourselves(
        self, method: str, target: str, lines: Sequence[bytes], body: RequestBody | None
    ) -> UpstreamResponse | Failure:
        """A request to our own gateway. Fits ``upstream.Send``."""
        if self._ourselves is None:
            return Failure(Outcome.UPSTREAM_UNREACHABLE, "the recorder has just begun to start")
        return await self._ourselves.send(method, target, lines, body)

    async def _ask_again(self, path: str, headers: Sequence[tuple[str, str]], body: bytes) -> UpstreamResponse | str:
        lines = [f"{name}: {value}\r\n".encode() for name, value in headers]
        lines.append(f"User-Agent: ollama-recorder/{service.__version__}\r\n".encode())
        if self._asks_for_keys:
            lines.append(f"Authorization: Bearer {self._key}\r\n".encode())
        answer = await self.ask_ourselves("POST", path, lines, RequestBody(body, len(body)))
        return answer.reason if isinstance(answer, Failure) else answer

    async def end_batches(self) -> None:
        """Stop what is being sent again, what is erased elsewhere, and what MCP asks."""
        if self._erasing_again is not None:
            self._erasing_again.cancel()
            await asyncio.gather(self._erasing_again, return_exceptions=True)
        await self._batches.close()
        await self._mcp.close()

    async def _save(self, batch: str, place: int | None, values: dict[str, Any]) -> None:
        def save(journal: Journal) -> None:
            if place is None:
                # What was typed for it is a prompt like others, and masked as they are.
                masking = ExchangeMasking(self._mask_secrets, self._status.own_masks())
                changes = masking.values(values["changes"])
                save_batch(journal.connection, batch, values | {"changes": changes})
            else:
                save_row(journal.connection, batch, place, values)

        await asyncio.wrap_future(self._status.recorder.submit(save))

    async def _delete_batch(self, batch: str) -> None:
        done = self._status.recorder.submit(lambda journal: delete_batch(journal.connection, batch))
        await asyncio.wrap_future(done)

    async def _erase_records(self, numbers: Sequence[int]) -> int:
        done = self._status.recorder.submit(lambda journal: erase_records(journal.connection, numbers))
        return await asyncio.wrap_future(done)

    def _send_no_more(self) -> None:
        for shipper in self._status.shippers:
            shipper.read_again()

    def _count_behind(self) -> int:
        until = time.monotonic() + _INDEX_SECONDS
        while (step := self._indexer.step()).behind and time.monotonic() < until:
            pass
        return step.behind

    def _delete_in_loki(self, loki: LokiSettings, gone: Gone) -> LokiDeletion:
        return delete_lines(loki, gone, gone.whole_time, instance=self._status.reader.instance())


def _all_recorders(settings: Settings) -> AllRecorders | None:
    loki = read_loki_settings(settings)
    return AllRecorders(LokiAddress(loki.base, loki.headers), settings.retention_days) if loki else None
