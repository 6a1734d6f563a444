"""The receivers that records can be shipped to, named once.

A further one is a folder beside ``loki`` and ``otlp`` with the same parts, and a line in ``_RECEIVERS``. The recorder,
``ship status``, doctor and erasing learn from here which there are.
"""

from collections.abc import Callable, Mapping
from typing import Final

from service.settings import Settings
from service.shipping.loki.receiver import want_loki
from service.shipping.otlp.receiver import want_otlp
from service.shipping.receiver import WantedReceiver

_RECEIVERS: Final[tuple[Callable[[Settings, Mapping[str, str]], WantedReceiver | None], ...]] = (
    want_loki,
    want_otlp,
)


def wanted_receivers(settings: Settings, environment: Mapping[str, str]) -> tuple[WantedReceiver, ...]:
    """The receivers that ``settings`` and the variables of ``environment`` ask for. Never raises."""
    wanted = (want(settings, environment) for want in _RECEIVERS)
    return tuple(receiver for receiver in wanted if receiver is not None)
