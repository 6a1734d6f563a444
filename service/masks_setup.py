"""The masks that are in use: those of MASK_PACK, and those of MASK_FILE as it was last read without a mistake."""

from service.record.call_context import ContextLengthOf
from service.record.exchange import EncodedRecord, Exchange, OpenExchange
from service.record.known_conversations import KnownConversations
from service.record.line import make_record, summary_of_open
from service.record.mask_rules import masks_of_packs, read_masks
from service.record.own_masks import OwnMasks
from service.record.prompt_memory import PromptMemory
from service.settings import Settings
from service.settings_file import SettingsFile


class MasksInUse:
    """Any thread may read ``own``; ``use`` belongs to the event loop's."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError when MASK_FILE cannot be used."""
        self._settings = settings
        self._packs = masks_of_packs(settings.mask_pack)
        path = settings.mask_file
        self.file = None if path is None else SettingsFile("MASK_FILE", path, read_masks)
        self._own = self._packs
        if self.file is not None:
            self.use(self.file.read_at_start())

    def own(self) -> OwnMasks:
        """The masks of one's own, beside the well-known secrets."""
        return self._own

    def use(self, of_file: OwnMasks) -> None:
        """From now on these, and those of MASK_PACK."""
        self._own = (*self._packs, *of_file)

    def summary_of_open(self, opened: OpenExchange) -> OpenExchange:
        """A request that is still being answered, fit to be stored."""
        settings = self._settings
        return summary_of_open(opened, mask=settings.mask_secrets, keep=settings.keep_body_bytes, own_masks=self._own)

    def make_record(
        self,
        exchange: Exchange,
        context_length_of: ContextLengthOf,
        memory: PromptMemory,
        conversations: KnownConversations,
    ) -> EncodedRecord:
        """The record of an ended exchange."""
        return make_record(
            exchange,
            context_length_of=context_length_of,
            memory=memory,
            conversations=conversations,
            mask=self._settings.mask_secrets,
            own_masks=self._own,
            keep=self._settings.keep_body_bytes,
        )
