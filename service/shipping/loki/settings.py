"""Where Loki is, what opens it and what it gets, out of the recorder's settings."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from service.settings import Settings

NAME: Final = "loki"
URL_VARIABLE: Final = "LOKI_URL"
PUSH_PATH: Final = "/loki/api/v1/push"


@dataclass(frozen=True, slots=True)
class LokiSettings:
    """``url`` is LOKI_URL as written, ``headers`` are the tenant and the login. ``with_spans``: spans go there too."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    with_spans: bool = True

    @property
    def base(self) -> str:
        """The base address. LOKI_URL may have the path of a push behind it."""
        return self.url.rstrip("/").removesuffix(PUSH_PATH)


def read_loki_settings(settings: Settings) -> LokiSettings | None:
    """What the settings say of Loki; None when nothing is to be shipped there."""
    if not settings.loki_url:
        return None
    return LokiSettings(
        settings.loki_url,
        login_headers(
            tenant=settings.loki_tenant,
            username=settings.loki_username,
            password=settings.loki_password,
            token=settings.loki_token,
        ),
        settings.loki_spans,
    )


def login_headers(*, tenant: str = "", username: str = "", password: str = "", token: str = "") -> dict[str, str]:
    """What opens a Loki that has tenants or a login; empty texts are not set."""
    headers = {"X-Scope-OrgID": tenant} if tenant else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif username:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    return headers
