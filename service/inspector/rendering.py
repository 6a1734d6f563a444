"""What did the model get? The prompt of a recorded chat as Ollama's template makes it, looked at and not recorded."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from aiohttp import web

from service.inspector.client import Client
from service.inspector.one_exchange import why_not_whole
from service.inspector.replaying import Replaying
from service.inspector.responses import refuse, say
from service.journal.reader import Reader
from service.record.bodies import first_document
from service.record.record import Record
from service.record.rendered_prompt import RenderedPrompt
from service.record.request_fields import with_known_names

_ONLY_CHATS: Final = "Only of chats in Ollama's own API (/api/chat) does Ollama show what the model gets."

Render = Callable[[dict[str, Any], int | None], Awaitable[RenderedPrompt | str]]
"""Renders a request whose call had room for so many tokens; a string says in a sentence why not."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """Whoever may send prompts again may look at them: ``replaying`` knows who that is."""

    replaying: Replaying
    render: Render

    async def show(self, identifier: str, client: Client, reader: Reader) -> web.Response:
        """``POST /exchanges/ID/rendered``."""
        if (refusal := self.replaying.why_not(client)) is not None:
            return refuse(403, refusal, setting="INSPECTOR_REPLAY")
        kept = await asyncio.to_thread(reader.record, identifier)
        if kept is None:
            return refuse(404, f"There is no exchange {identifier} here (any more).")
        record = Record(kept.row.line)
        is_chat = record.api == "ollama" and record.operation == "chat"
        reason = why_not_whole(kept, record) if is_chat else _ONLY_CHATS
        if reason is not None:
            return refuse(409, reason)
        asked: dict[str, Any] = with_known_names(first_document(kept.request))
        rendered = await self.render(asked, record.context_length)
        return refuse(409, rendered) if isinstance(rendered, str) else say(asdict(rendered))
