"""What the recorder has towards Ollama, made of the settings: one of them, or several.

With one address nothing of ``upstreams`` is made, and every request takes the shortest way.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from service.background_tasks import Work
from service.gateway.call import Share
from service.gateway.context_lengths import ContextLengths
from service.gateway.upstream import Send, Upstream
from service.gateway.vocabularies import Vocabularies
from service.gateway_setup import sharing_of
from service.record.call_context import CallContexts, ContextLengthOf, ModelCall
from service.record.prompt_memory import PromptMemory
from service.settings import Settings
from service.settings_file import SettingsFile
from service.sharing.limits import Rules
from service.sharing.sharing import Sharing
from service.upstreams.named_upstream import NamedUpstream
from service.upstreams.routing import Routing
from service.upstreams.upstreams import Upstreams


class KnownModels:
    """What is known of the models of one Ollama."""

    def __init__(self, send: Send, in_flight: Callable[[], int], vocabularies: Path) -> None:
        """``in_flight`` counts the exchanges that are going on there; ``vocabularies`` is a folder."""
        self.lengths = known = ContextLengths(send, in_flight)
        self.contexts = CallContexts(known.looks, known.facts_of, known.await_look)
        self.vocabularies = Vocabularies(send, vocabularies, known.facts_of)
        self.prompts = PromptMemory(known.facts_of, self.vocabularies.counter_of, known.halves)


def nothing_known_of(call: ModelCall) -> None:
    """Stands where a call reached no Ollama."""


@dataclass(frozen=True, slots=True)
class TowardsOllama:
    """``send`` asks one for the recorder itself, ``share`` gives calls their turns, ``models`` is known of each.

    ``routing`` None: there is but one Ollama, whose ``models`` go by the name None.
    """

    send: Send
    close: Callable[[], None]
    models: dict[str | None, KnownModels]
    share: Share | None
    sharing: Sharing | None
    limits_file: SettingsFile[Rules] | None
    routing: Routing | None = None

    def room_of(self, upstream: str | None) -> tuple[ContextLengthOf, PromptMemory]:
        """How prompts are judged that this Ollama got; None, of several: none got it."""
        known = self.models.get(upstream)
        return (known.contexts.length_of, known.prompts) if known else (nothing_known_of, PromptMemory())

    def want(self) -> None:
        """A model was called: look soon."""
        for known in self.models.values():
            known.lengths.want()

    def note_ended(self, operations: Iterable[str]) -> None:
        """These ended."""
        ended = list(operations)
        for known in self.models.values():
            known.lengths.note_ended(ended)

    def tasks(self) -> Iterator[tuple[str, Work]]:
        """What goes on beside requests, by names."""
        for name, known in self.models.items():
            of = f" of {name}" if name else ""
            yield f"ask for context lengths{of}", known.lengths.run
            yield f"fetch vocabularies{of}", known.vocabularies.run
        for name, watch in self.routing.watches.items() if self.routing else ():
            yield f"look after {name}", watch.run


def towards_ollama(settings: Settings, in_flight: Callable[[], int]) -> TowardsOllama:
    """The way to each Ollama of the settings. Raises SettingsError when limits cannot be used."""
    sharing, limits_file = sharing_of(settings)
    folder = settings.data_dir / "vocabularies"
    if sharing is None or len(settings.ollama_urls) == 1:
        upstream = Upstream(settings.ollama_url)
        models: dict[str | None, KnownModels] = {None: KnownModels(upstream.send, in_flight, folder)}
        share = None if sharing is None else sharing.enter
        return TowardsOllama(upstream.send, upstream.close, models, share, sharing, limits_file)
    upstreams = Upstreams([NamedUpstream(*address) for address in settings.ollama_urls], sharing.places.queue)
    routing = Routing(upstreams, sharing)
    models = {
        name: KnownModels(one.client.send, partial(sharing.places.queue.active_at, name), folder)
        for name, one in upstreams.all.items()
    }
    return TowardsOllama(upstreams.send, upstreams.close, models, routing.enter, sharing, limits_file, routing)
