"""All Ollamas behind the recorder: who of them may answer a call, and who is chosen."""

from collections.abc import Collection, Sequence
from typing import Final

import orjson

from service.gateway.upstream import Failure, RequestBody, UpstreamResponse
from service.record.exchange import Outcome
from service.record.model_facts import canonical_name
from service.sharing.fair_queue import FairQueue
from service.upstreams.choice import Standing, choose, possible
from service.upstreams.conversations import Conversations
from service.upstreams.model_lists import LISTS, SECONDS, SHORT_SECONDS, AskedForList, list_of_all
from service.upstreams.named_upstream import NamedUpstream

_OF_MODELS: Final = "/v1/models/"


class Upstreams:
    """``all`` are the Ollamas by their names, in the order of their setting. ``queue`` knows who is busy."""

    def __init__(self, all_of_them: Sequence[NamedUpstream], queue: FairQueue) -> None:
        self.all = {one.name: one for one in all_of_them}
        self.conversations = Conversations()
        self._queue = queue

    def close(self) -> None:
        """End the connections that nobody uses."""
        for one in self.all.values():
            one.client.close()

    def find(self, asked_for: str) -> NamedUpstream | None:
        """The one that somebody asks for, by its name or its address; None: there is no such."""
        wanted = asked_for.strip().lower()
        for one in self.all.values():
            if wanted in (one.name, one.url.lower(), one.url.lower().partition("://")[2]):
                return one
        return None

    def is_known(self, model: str) -> bool:
        """Whether one of them is known to have this model."""
        name = canonical_name(model)
        return any(one.has(name) for one in self.all.values())

    def where(self, model: str | None, tried: Collection[str] = ()) -> tuple[str, ...]:
        """Where a call of ``model`` may go (None: it names none)."""
        return possible(self._standings(model, self.all), tried)

    def loaded(self, model: str | None, names: Collection[str]) -> tuple[str, ...]:
        """Those of ``names`` that have the model in memory."""
        canonical = model and canonical_name(model)
        return tuple(name for name in names if canonical and canonical in self.all[name].loaded)

    def pick(self, names: Collection[str], model: str | None, conversation: bytes | None = None) -> NamedUpstream:
        """The one of ``names``, of which there is at least one, that a call goes to."""
        return self.all[choose(self._standings(model, names), self.conversations.last(conversation))]

    def served(self, upstream: NamedUpstream, model: str | None, conversation: bytes | None) -> None:
        """A call of ``model`` was answered there: so it is loaded, until a look tells otherwise."""
        self.conversations.note(conversation, upstream.name)
        if model is not None:
            upstream.loaded |= {canonical_name(model)}

    async def send(
        self, method: str, target: str, lines: Sequence[bytes], body: RequestBody | None
    ) -> UpstreamResponse | Failure:
        """Ask one of them, or all for a list. For questions of the recorder's own. Fits ``Send``."""
        path = target.partition("?")[0]
        if path in LISTS:
            return await self.list_models(method, target, lines, body)
        model, tried = _model_in(path, body), set[str]()
        while True:
            one = self.pick(self.where(model, tried), model)
            if one.is_gone:
                answer: UpstreamResponse | Failure = Failure(Outcome.UPSTREAM_UNREACHABLE, one.reason)
            else:
                answer = await one.client.send(method, target, lines, body)
            tried.add(one.name)
            is_away = isinstance(answer, Failure) and answer.outcome is Outcome.UPSTREAM_UNREACHABLE
            if not is_away or not self.where(model, tried):
                return answer

    async def list_models(
        self, method: str, target: str, lines: Sequence[bytes], body: RequestBody | None
    ) -> UpstreamResponse | Failure:
        """One list of the models of all that are well, or of all if none is. Fits ``Send``."""
        del method, body
        well = [one for one in self.all.values() if one.trouble is None]
        quick = [one for one in well if not one.is_slow_to_list]
        asked = [
            AskedForList(one.name, one.client.send, SECONDS if one in quick else SHORT_SECONDS)
            for one in well or self.all.values()
        ]
        away = [one.name for one in self.all.values() if well and one.trouble is not None]
        return await list_of_all(asked, target, lines, away)

    def _standings(self, model: str | None, names: Collection[str]) -> list[Standing]:
        queue, canonical = self._queue, model and canonical_name(model)
        standings = []
        for name in names:
            active = queue.active_at(name)
            # Without MAX_ACTIVE an Ollama is free while no model works there: by itself it answers one call at a time.
            is_free = not active if queue.most_active is None else queue.has_place(name)
            standings.append(self.all[name].standing(canonical, active, is_free))
        return standings


def model_of_path(path: str) -> str | None:
    """The model that an address names."""
    return path.removeprefix(_OF_MODELS) if path.startswith(_OF_MODELS) else None


def _model_in(path: str, body: RequestBody | None) -> str | None:
    if body is None or not isinstance(body.content, bytes):
        return model_of_path(path)
    try:
        model = orjson.loads(body.content)["model"]
    except (ValueError, KeyError, TypeError):
        return None
    return model if isinstance(model, str) else None
