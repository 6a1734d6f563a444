"""All Ollamas: who may answer, who is chosen, and questions of the recorder's own."""

import asyncio
import json

from service.gateway.upstream import Failure, RequestBody
from service.gateway.whole_answer import fetch_whole
from service.record.exchange import Outcome
from service.sharing.fair_queue import FairQueue
from service.upstreams.named_upstream import NamedUpstream
from service.upstreams.upstreams import Upstreams, model_of_path
from tests.fakes.ollama import FakeOllama, json_answer


def upstreams(*urls: str, most_active: int | None = None) -> Upstreams:
    return Upstreams([NamedUpstream(f"gpu{number}", url) for number, url in enumerate(urls, 1)], FairQueue(most_active))


def test_one_is_found_by_its_name_and_by_its_address() -> None:
    known = upstreams("http://one:11434", "https://Two/ollama")
    for asked in ("gpu1", " GPU1", "one:11434", "http://one:11434"):
        assert known.find(asked) is known.all["gpu1"]
    assert known.find("two/ollama") is known.all["gpu2"]
    assert known.find("gpu3") is None
    assert known.find("") is None


def test_without_a_queue_one_is_free_while_no_model_works_there() -> None:
    for most_active, expected in ((None, "gpu2"), (2, "gpu1")):
        known = upstreams("http://one", "http://two", most_active=most_active)
        for one in known.all.values():
            one.models = frozenset({"tiny:latest"})
        known.served(known.all["gpu1"], "Tiny", b"a conversation")
        queue = known._queue
        queue.arrive(queue.flow("a"), "", 0.0, ("gpu1",), min)
        queue.grant(0.0)
        assert known.pick(("gpu1", "gpu2"), "tiny").name == expected
        assert known.pick(("gpu1", "gpu2"), "tiny", b"a conversation").name == "gpu1"


def test_whether_somebody_has_a_model() -> None:
    known = upstreams("http://one", "http://two")
    assert not known.is_known("tiny")
    known.all["gpu2"].models = frozenset({"tiny:latest"})
    assert known.is_known("library/TINY")
    assert (known.where("tiny"), known.where("other"), known.where(None)) == (
        ("gpu2",),
        ("gpu1", "gpu2"),
        ("gpu1", "gpu2"),
    )
    assert known.where("tiny", {"gpu2"}) == ()


class _Name(str):
    """Counts how often any of them is compared."""

    __slots__ = ()
    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        _Name.compared += 1
        return str.__eq__(self, other)


def test_a_choice_of_many_looks_at_each_only_some_times() -> None:
    known = Upstreams([NamedUpstream(_Name(f"gpu{number}"), "http://one") for number in range(1000)], FairQueue(None))
    for one in known.all.values():
        one.loaded = frozenset({"tiny:latest"})
    names = known.where("tiny")
    assert (len(names), known.pick(names, "tiny").name) == (1000, "gpu0")
    assert len(known.loaded("tiny", names)) == 1000
    assert _Name.compared < 10_000


def test_an_address_may_name_a_model() -> None:
    assert model_of_path("/v1/models/library/tiny:latest") == "library/tiny:latest"
    assert model_of_path("/v1/models") is None


async def test_a_question_of_our_own_goes_where_its_model_is_and_on_where_that_is_away() -> None:
    async with FakeOllama() as one, FakeOllama() as other:
        one.answers("/api/show", json_answer({"at": "one"}))
        other.answers("/api/show", json_answer({"at": "other"}))
        known = upstreams(one.url, other.url)
        known.all["gpu2"].models = frozenset({"tiny:latest"})

        async def show(model: object) -> object:
            body = await fetch_whole(known.send, "POST", "/api/show", json.dumps({"model": model}).encode())
            return None if body is None else json.loads(body)["at"]

        assert [await show("tiny"), await show("else"), await show(5)] == ["other", "one", "one"]
        assert await fetch_whole(known.send, "GET", "/api/version") is not None
        await one.stop()
        assert [await show("else"), await show("tiny")] == ["other", "other"]
        await other.stop()
        gone = await known.send("POST", "/api/show", (), RequestBody(b"{", 1))
        assert isinstance(gone, Failure)
        assert gone.outcome is Outcome.UPSTREAM_UNREACHABLE
        known.close()
        await asyncio.sleep(0)
