"""What is erased here is erased at the other recorders and in Loki too: at once where that can be, else later.

Before anything is asked it is on the disk. What is done is taken from there.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from service.peers.open_erasures import LOKI, OpenErasure, OpenErasures
from service.peers.peer_answers import Peer, PeerAnswer, Query, count_at, erase_at, peers_of

_TRIED_EVERY_SECONDS: Final = 60.0
_AT_ONCE: Final = 8


class ErasingElsewhere:
    """``addresses`` are those of PEERS by name. ``ask_loki`` makes requests to Loki; it returns why not, or "".

    Every method but ``keep_trying`` blocks, and may be called from any thread.
    """

    def __init__(
        self,
        addresses: Mapping[str, str],
        tokens_file: Path | None,
        folder: Path,
        ask_loki: Callable[[Sequence[str]], str],
        erase_here: Callable[[Query], Awaitable[str]] | None = None,
    ) -> None:
        """``erase_here`` erases from this recorder what was begun before it ended; it returns why not, or ""."""
        self._addresses, self._tokens_file, self._ask_loki = dict(addresses), tokens_file, ask_loki
        self._erase_here = erase_here
        self._open = OpenErasures(folder)
        # Whoever asked for these is about to try them.
        self._held: set[OpenErasure] = set()

    @property
    def names(self) -> frozenset[str]:
        """Of the recorders whose addresses are known."""
        return frozenset(self._addresses)

    def counts(self, query: Query, own: str = "") -> dict[str, PeerAnswer]:
        """How much ``query`` would erase at each of them but ``own``, as this recorder is called."""
        peers = [peer for peer in self._peers() if peer.name != own]
        return dict(zip((peer.name for peer in peers), _beside_each_other(count_at, peers, query), strict=True))

    def remember(self, query: Query, since: str, own: str = "") -> list[OpenErasure]:
        """It is to be done at each of them but ``own``. Raises OSError when that cannot be written down.

        With ``own`` it is to be done here as well: the first of the erasures, for ``done_here``.
        """
        names = [name for name in self._addresses if name != own]
        erasures = [OpenErasure(name, tuple(query), since=since, trouble="not asked yet") for name in names]
        if own:
            erasures.insert(0, OpenErasure(own, tuple(query), since=since, trouble="not done yet", is_here=True))
        self._open.add(erasures)
        self._held.update(map(_key, erasures))
        return erasures

    def done_here(self, erasure: OpenErasure) -> None:
        """This recorder did its part. A crash before this is on the disk has it done once more."""
        self._held.discard(_key(erasure))
        with contextlib.suppress(OSError):
            self._open.settle(erasure, "")

    def leave_open(self, erasures: Sequence[OpenErasure]) -> None:
        """Whoever asked for these does not try them now: they are tried as all that is open."""
        self._held.difference_update(map(_key, erasures))

    def remember_in_loki(self, requests: Sequence[str], since: str, trouble: str) -> None:
        """Loki did not take these requests. Raises OSError."""
        self._open.add([OpenErasure(LOKI, requests=tuple(requests), since=since, trouble=trouble)])

    def try_now(self, erasures: Sequence[OpenErasure]) -> dict[str, PeerAnswer]:
        """Ask for each of them, and note what came of it."""
        peers = {peer.name: peer for peer in self._peers()}
        places = list(dict.fromkeys(one.where for one in erasures))
        found = _beside_each_other(self._try_at, places, erasures, peers)
        return dict(zip(places, found, strict=True))

    def _try_at(self, where: str, erasures: Sequence[OpenErasure], peers: Mapping[str, Peer]) -> PeerAnswer:
        """Those of one place, one after the other; the answer to the last one."""
        answer = PeerAnswer()
        for erasure in (one for one in erasures if one.where == where):
            answer = self._try(erasure, peers)
            with contextlib.suppress(OSError):
                # What stays in the file is asked for once more, and is gone then.
                self._open.settle(erasure, answer.trouble)
            self._held.discard(_key(erasure))
        return answer

    def try_again(self) -> None:
        """Try what is open, and nobody is about to try. ``trouble`` tells when that cannot be read."""
        self.try_now([one for one in self._to_try() if not one.is_here])

    def _to_try(self) -> list[OpenErasure]:
        with contextlib.suppress(OSError):
            return [one for one in self._open.all() if _key(one) not in self._held]
        return []

    async def keep_trying(self) -> None:
        """Try what is open, until cancelled."""
        while True:
            for one in await asyncio.to_thread(self._to_try):
                if one.is_here and self._erase_here is not None:
                    trouble = await self._erase_here(one.query)
                    with contextlib.suppress(OSError):
                        await asyncio.to_thread(self._open.settle, one, trouble)
            await asyncio.to_thread(self.try_again)
            await asyncio.sleep(_TRIED_EVERY_SECONDS)

    def trouble(self) -> str | None:
        """What is still to be erased, in a sentence; None: nothing."""
        try:
            still = self._open.all()
        except OSError as trouble:
            return f"what is still to be erased elsewhere cannot be read: {trouble}"
        if damaged := self._open.damaged():
            return f"what was still to be erased elsewhere is not known any more: erase it again, then delete {damaged}"
        if not still:
            return None
        places = ", ".join(sorted({one.where or "Loki" for one in still}))
        return f"still to be erased at {places}: {still[0].trouble or 'not asked yet'}"

    def told(self) -> list[dict[str, Any]]:
        """What is open, without what was looked for."""
        with contextlib.suppress(OSError):
            still = self._open.all()
            return [{"where": one.where or "loki", "since": one.since, "trouble": one.trouble} for one in still]
        return []

    def _try(self, erasure: OpenErasure, peers: Mapping[str, Peer]) -> PeerAnswer:
        if erasure.where == LOKI:
            return PeerAnswer(trouble=self._ask_loki(erasure.requests))
        if erasure.where not in peers:
            return PeerAnswer(trouble=f"PEERS does not say where {erasure.where} is.")
        return erase_at(peers[erasure.where], erasure.query)

    def _peers(self) -> list[Peer]:
        return peers_of(self._addresses, self._tokens_file)


def _beside_each_other(function: Callable[..., PeerAnswer], places: Sequence[Any], *more: Any) -> list[PeerAnswer]:
    """What ``function`` tells of each of ``places``: those that do not answer are waited for together."""
    if not places:
        return []
    with ThreadPoolExecutor(min(_AT_ONCE, len(places)), thread_name_prefix="peers") as threads:
        return list(threads.map(lambda place: function(place, *more), places))


def _key(erasure: OpenErasure) -> OpenErasure:
    return replace(erasure, trouble="")
