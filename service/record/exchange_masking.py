"""Everything of an exchange that is masked, each part in its own way: well-known secrets, and masks of one's own."""

import json
import re
from typing import Any, Final

from service.record.bodies import decoded, is_utf_16
from service.record.exchange import Body, Caller, OpenExchange
from service.record.fields import MASKED
from service.record.masking import mask as mask_bytes
from service.record.masking import mask_text
from service.record.own_masks import MaskedPart, MaskRun, OwnMasks

GENERATED: Final = ("response_text", "thinking", "tool_calls")
_IN_ANSWERS: Final = frozenset((*GENERATED, "error"))
_JSON: Final = "tool_calls"
_ADDRESS: Final = "request_uri"
_CONVERSATION: Final = "conversation_id"
_OTHERS: Final = tuple(key for key in MASKED if key not in (_ADDRESS, _CONVERSATION))
# An id that the recorder made is no secret, but is as long as one.
_OUR_ID: Final = re.compile("[0-9a-f]{32}")
# A path alone names a route, not a secret, but is as long as one.
_MORE_THAN_PATH: Final = re.compile("[?~@%]")
# Where a copy was cut, half of what a mask looks for may stand.
_CUT_AWAY: Final = 128
_HELD_BACK: Final = 40
_NO_MASKS: Final = MaskRun(())


class ExchangeMasking:
    """``secrets``: well-known shapes are masked; ``own``: what is masked besides. For one exchange."""

    def __init__(self, secrets: bool, own: OwnMasks = ()) -> None:
        self._secrets = secrets
        self._has_own = bool(own)
        self._own = MaskRun(own) if own else _NO_MASKS
        self.is_on = secrets or self._has_own

    def shorten(self, body: Body, part: MaskedPart) -> Body:
        """A body without what stands beside its gap; the same where nothing of ours is looked for or all is there."""
        if not (self._has_own and self._own.looks_at(part) and (body.is_shortened or body.is_incomplete)):
            return body
        return body._replace(
            head=body.head[:-_CUT_AWAY] if body.is_shortened else body.head, tail=body.tail[_CUT_AWAY:]
        )

    def body(self, data: bytes, part: MaskedPart) -> tuple[bytes, int]:
        """``data`` masked, and how often. Without any match, the very same object."""
        # A text of two bytes a character is kept as UTF-8 once something in it is masked.
        masked = decoded(data).encode("utf-8", "surrogatepass") if is_utf_16(data) else data
        count = 0
        if self._secrets:
            masked, count = mask_bytes(masked)
        if self._has_own and self._own.looks_at(part):
            text, own = self._own.json(masked.decode("utf-8", "surrogateescape"), part)
            if own:
                masked, count = text.encode("utf-8", "surrogateescape"), count + own
        return (masked, count) if count else (data, 0)

    def text(self, text: str, part: MaskedPart) -> tuple[str, int]:
        """The same for a text."""
        text, count = mask_text(text) if self._secrets else (text, 0)
        text, own = self._own.text(text, part)
        return text, count + own

    def values(self, values: dict[str, Any]) -> dict[str, Any]:
        """What somebody typed, as an object of JSON, masked as a prompt is; empty where that takes too long."""
        masked, count = self.body(json.dumps(values).encode(), MaskedPart.PROMPTS)
        try:
            return json.loads(masked) if count else values
        except ValueError:
            return {}

    def answer_so_far(self, text: str) -> str:
        """An answer that goes on, masked. Its last words wait: what is to be masked may go on as well."""
        masked, _ = self.text(text, MaskedPart.ANSWERS)
        return masked[:-_HELD_BACK] if self._own.looks_at(MaskedPart.ANSWERS) else masked

    def opened(self, opened: OpenExchange) -> OpenExchange:
        """Who asked, and the address, masked."""
        caller = opened.caller
        labels = [opened.request_uri, opened.user_agent, *caller]
        if self._secrets and mask_text("\n".join(filter(None, labels)))[1]:
            labels = [mask_text(label)[0] if label else label for label in labels]
        uri, *names = labels
        uri = self._own_of_address(uri or "")[0]
        agent, *names = [self._own.text(name, MaskedPart.NAMES)[0] if name else name for name in names]
        if (uri, agent, *names) == (opened.request_uri, opened.user_agent, *caller):
            return opened
        return opened._replace(request_uri=uri, user_agent=agent, caller=Caller(*names))

    def facts(self, facts: dict[str, Any]) -> bool:
        """Mask what stands beside the bodies; whether something was in what the model generated."""
        in_generated = self._mask_secrets(facts) if self._secrets else 0
        for key in MASKED if self._has_own else ():
            if key in facts:
                facts[key], count = self._own_of(key, facts[key])
                in_generated += count if key in GENERATED else 0
        return in_generated > 0

    def _own_of(self, key: str, value: str) -> tuple[str, int]:
        if key == _ADDRESS:
            return self._own_of_address(value)
        part = MaskedPart.ANSWERS if key in _IN_ANSWERS else MaskedPart.NAMES
        return self._own.json(value, part) if key == _JSON else self._own.text(value, part)

    def _own_of_address(self, target: str) -> tuple[str, int]:
        """An address may hold what is asked, and in its labels who asks."""
        target, asked = self._own.address(target, MaskedPart.PROMPTS)
        target, names = self._own.address(target, MaskedPart.NAMES)
        return target, asked + names

    def _mask_secrets(self, facts: dict[str, Any]) -> int:
        texts = "\n".join([text for key in _OTHERS if (text := facts.get(key))])
        conversation = facts.get(_CONVERSATION)
        # A conversation that begins here has the exchange's own id.
        if conversation and conversation != facts.get("exchange") and not _OUR_ID.fullmatch(conversation):
            texts = f"{conversation}\n{texts}"
        address = facts[_ADDRESS]
        if _MORE_THAN_PATH.search(address):
            texts = f"{address}\n{texts}"
        if not mask_text(texts)[1]:
            return 0
        in_generated = 0
        for key in MASKED:
            if key in facts:
                facts[key], count = mask_text(facts[key])
                in_generated += count if key in GENERATED else 0
        return in_generated


# Without masks of one's own nothing of it is one exchange's.
_WITHOUT_OWN: Final = {secrets: ExchangeMasking(secrets) for secrets in (False, True)}


def masking_with(secrets: bool, own: OwnMasks) -> ExchangeMasking:
    """What masks one exchange."""
    return ExchangeMasking(secrets, own) if own else _WITHOUT_OWN[secrets]
