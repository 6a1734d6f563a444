"""Records are made of exchanges: with the masks in use, what is known of models and conversations, and the energy."""

from collections.abc import Callable, Iterator
from functools import partial

from service.background_tasks import Work
from service.conversations_setup import EarlierConversations
from service.energy.energy_meters import Meter, all_meters
from service.energy.energy_shares import EnergyMeter, is_here
from service.masks_setup import MasksInUse
from service.ollama_setup import TowardsOllama
from service.record.exchange import EncodedRecord, Exchange
from service.settings import Settings


class RecordMaking:
    """``make`` belongs to the journal's thread."""

    def __init__(
        self, settings: Settings, masks: MasksInUse, ollama: TowardsOllama, in_flight: Callable[[], int]
    ) -> None:
        """``in_flight`` counts the calls of models that go on; where calls have places, those are counted."""
        self._masks = masks
        self._ollama = ollama
        self._earlier = EarlierConversations(settings.data_dir)
        sharing = ollama.sharing
        at_ollama = in_flight if sharing is None else lambda: sharing.places.queue.active
        # What an Ollama on another machine uses, no meter here tells.
        is_on_this_machine = all(is_here(address.url) for address in settings.ollama_urls)
        self._energy = EnergyMeter(all_meters if is_on_this_machine else _no_meters, at_ollama)

    def make(self, exchange: Exchange) -> EncodedRecord:
        """The record of an ended exchange."""
        room = self._ollama.room_of(exchange.upstream)
        return self._masks.make_record(self._energy.told(exchange), *room, self._earlier.conversations)

    async def prepare(self) -> None:
        """Before the first call, with ``tasks`` begun. Takes a second at most."""
        await self._earlier.prepare()

    def tasks(self) -> Iterator[tuple[str, Work]]:
        """What goes on beside requests, by names."""
        yield "learn earlier conversations", self._earlier.learn
        yield "read the meters of energy", self._energy.run
        if self._masks.file is not None:
            yield "look after MASK_FILE", partial(self._masks.file.watch, self._masks.use)


def _no_meters() -> list[Meter]:
    return []
