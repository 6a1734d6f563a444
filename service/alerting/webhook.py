"""Telling alerts: one POST of JSON, in the form of Grafana's webhooks, tried again a bounded number of times.

Slack, Mattermost and the like show ``text``. Nothing that answers can do more than be told later: redirects are not
followed, no more than the begin of an answer is read, and a POST never lasts longer than its time limit.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import aiohttp

import service
from service.alerting.alert_states import Notice
from service.alerting.looking import AlertFinding
from service.events import AlertsUntold, emit
from service.json_writing import write_json
from service.record.timestamps import write_time

MOST_WAITING: Final = 200
"""Notices that wait to be told; beyond it the oldest are dropped."""

_POST_SECONDS: Final = 10.0
_FIRST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 300.0
# Two hours with the pauses between: whoever is away for longer is told of what goes on when alerts repeat.
_MOST_TRIES: Final = 30
_LONGEST_ANSWER: Final = 4096
_MAY_BE_BETTER_LATER: Final = frozenset({408, 425, 429})
_TOLD_AT_ONCE: Final = 50


class Webhook:
    """Posts notices to ``url``, in their order. ``instance`` names this recorder."""

    def __init__(self, url: str, instance: str, *, seconds: float = _POST_SECONDS, pause: float = _FIRST_PAUSE) -> None:
        self._url = url
        self._instance = instance
        self._seconds = seconds
        self._first_pause = pause
        self._waiting: deque[Notice] = deque()
        self._has_more = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many notices nobody got yet."""
        return len(self._waiting)

    def tell(self, notices: Sequence[Notice]) -> None:
        """Soon. Returns at once."""
        self._waiting.extend(notices)
        self._drop(max(0, len(self._waiting) - MOST_WAITING), "too many wait")
        if self._waiting:
            self._has_more.set()

    async def run(self) -> None:
        """Post what there is to tell, until cancelled."""
        while True:
            await self._has_more.wait()
            self._has_more.clear()
            await self._tell_all()

    async def _tell_all(self) -> None:
        pause, tries = self._first_pause, 0
        while self._waiting:
            some = list(self._waiting)[:_TOLD_AT_ONCE]
            trouble = await self._post(some)
            if trouble is None or not trouble[1]:
                for notice in some:
                    if self._waiting and self._waiting[0] is notice:
                        self._waiting.popleft()
                if trouble is not None:
                    emit(AlertsUntold(len(some), trouble[0]))
                pause, tries = self._first_pause, 0
                continue
            tries += 1
            if tries >= _MOST_TRIES:
                self._drop(len(some), trouble[0])
                pause, tries = self._first_pause, 0
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _drop(self, count: int, reason: str) -> None:
        dropped = min(count, len(self._waiting))
        for _ in range(dropped):
            self._waiting.popleft()
        if dropped:
            emit(AlertsUntold(dropped, reason))

    async def _post(self, notices: Sequence[Notice]) -> tuple[str, bool] | None:
        """None when it was taken; else why not, without the address, and whether it may be taken later."""
        try:
            async with (
                asyncio.timeout(self._seconds),
                aiohttp.ClientSession(
                    headers={
                        "User-Agent": f"ollama-recorder/{service.__version__}",
                        "Content-Type": "application/json",
                    },
                    trust_env=False,
                    auto_decompress=False,
                    cookie_jar=aiohttp.DummyCookieJar(),
                ) as session,
                session.post(self._url, data=message(notices, self._instance), allow_redirects=False) as answer,
            ):
                await answer.content.read(_LONGEST_ANSWER)
                if 200 <= answer.status < 300:
                    return None
                return f"it answers {answer.status}", answer.status >= 500 or answer.status in _MAY_BE_BETTER_LATER
        except TimeoutError:
            return f"no answer within {self._seconds:g} s", True
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Their texts hold the address, which may be what lets one in.
            return f"it cannot be reached ({type(error).__name__})", True


def message(notices: Sequence[Notice], instance: str) -> bytes:
    """The body of one POST."""
    alerts = [_alert(notice, instance) for notice in notices]
    firing = [one for one in alerts if one["status"] == "firing"]
    lines = [f"{'' if one['status'] == 'firing' else 'Over: '}{one['annotations']['summary']}" for one in alerts]
    title = f"Ollama Recorder: {alerts[0]['labels']['alertname']}" if len(alerts) == 1 else "Ollama Recorder"
    body = {
        "receiver": "ollama-recorder",
        "status": "firing" if firing else "resolved",
        "title": title,
        "text": "\n".join(lines),
        "message": "\n".join(lines),
        "alerts": alerts,
    }
    return write_json(body)


def _alert(notice: Notice, instance: str) -> dict[str, Any]:
    finding, rule = notice.finding, notice.finding.rule
    summary = rule.summary.replace("{value}", finding.shown).replace("{about}", _plain(finding.about))
    alert: dict[str, Any] = {
        "status": "firing" if notice.ended_ns is None else "resolved",
        "labels": {
            "alertname": rule.title,
            "severity": str(rule.severity),
            "product": "ollama-recorder",
            "instance": instance,
        },
        "annotations": {"summary": summary.strip(), "description": rule.what_to_do},
        "startsAt": write_time(notice.began_ns, 3),
        "fingerprint": _fingerprint(finding, instance),
        "value": finding.value,
    }
    if finding.about:
        alert["labels"]["about"] = _plain(finding.about)
    if notice.ended_ns is not None:
        alert["endsAt"] = write_time(notice.ended_ns, 3)
    return alert


def _fingerprint(finding: AlertFinding, instance: str) -> str:
    """By which a receiver knows an alert again, and tells it from those of other models and recorders."""
    named = "\0".join((instance, *finding.key)).encode("utf-8", "replace")
    return hashlib.sha256(named).hexdigest()[:16]


def _plain(text: str) -> str:
    """A name that was recorded: no line of its own, and nothing that UTF-8 lacks."""
    return " ".join(text.encode("utf-8", "replace").decode().split())
