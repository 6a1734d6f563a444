"""Erasing with a real Loki beside: what was delivered there is found by no query any more."""

import asyncio
import json
import time
from collections.abc import Callable

from tests.fakes.ollama import FakeOllama
from tests.integration.watching import call, started
from tests.servers.loki import Loki
from tests.servers.process import RunningServer

EVERYTHING = 'sum by (job) (count_over_time({service="ollama", job="nginx"}[1h]))'
WITH_THE_WORD = 'sum by (job) (count_over_time({service="ollama", job=~"nginx|spans"} |= "zanzibarium" [1h]))'


async def test_what_is_erased_is_gone_from_loki_too(
    start_loki: Callable[..., Loki], start_recorder: Callable[..., RunningServer]
) -> None:
    loki = await asyncio.to_thread(start_loki)
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, OLLAMA_URL=ollama.url, LOKI_URL=loki.url)
        for text in ("my zanzibarium", "another zanzibarium", "something else"):
            body = {"model": "tiny", "messages": [{"role": "user", "content": text}]}
            await asyncio.to_thread(call, recorder, "/api/ollama/api/chat", body)
        async with asyncio.timeout(60):
            while (await found(loki, WITH_THE_WORD)).get("nginx") != "2":
                await asyncio.sleep(0.2)
            while True:
                got = await asyncio.to_thread(call, recorder, "/exchanges?q=zanzibarium&count=2", method="DELETE")
                if got.status == 200:
                    break
                await asyncio.sleep(0.1)
        erased = json.loads(got.body)
        assert erased["loki"]["asked"], erased
        # Its queriers read the requests every five minutes, and when they start.
        await asyncio.to_thread(loki.server.stop)
        again = await asyncio.to_thread(lambda: start_loki(port=loki.server.port))
        async with asyncio.timeout(60):
            while await found(again, EVERYTHING) != {"nginx": "1"}:
                await asyncio.sleep(0.2)
        assert await found(again, WITH_THE_WORD) == {}


async def found(loki: Loki, question: str) -> dict[str, str]:
    answer = await asyncio.to_thread(lambda: loki.query(question, at=time.time()))
    return {one["metric"]["job"]: one["value"][1] for one in answer}
