"""One of several Ollamas, and what is known of it."""

from service.gateway.upstream import Upstream
from service.upstreams.choice import Standing


class NamedUpstream:
    """``trouble`` is why no call goes there, None while it is well. ``models`` and ``loaded`` are canonical names.

    ``reason`` is the same in a few words without its address. ``is_gone``: two looks in a row met trouble, so that
    nobody waits for it any longer. ``since_ns``: when it became well or ill, as Unix time; None before the first look.
    ``is_slow_to_list``: it is well, and did not list its models in time.
    """

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        self.client = Upstream(url)
        self.trouble: str | None = None
        self.reason = ""
        self.is_gone = False
        self.since_ns: int | None = None
        self.is_slow_to_list = False
        self.models: frozenset[str] = frozenset()
        self.loaded: frozenset[str] = frozenset()

    def has(self, model: str) -> bool:
        """Whether it is known to have ``model`` (a canonical name)."""
        return model in self.models or model in self.loaded

    def standing(self, model: str | None, active: int, is_free: bool) -> Standing:
        """What is known of it for a call of ``model`` (a canonical name; None: of none)."""
        return Standing(
            name=self.name,
            is_up=self.trouble is None,
            has_model=model is None or self.has(model),
            has_loaded=model is None or model in self.loaded,
            is_free=is_free,
            active=active,
        )
