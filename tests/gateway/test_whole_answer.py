"""The recorder's own questions to Ollama."""

from service.gateway.upstream import Upstream
from service.gateway.whole_answer import fetch_answer
from tests.fakes.ollama import CHUNKED, FIN, FakeOllama, answer, chunk, head, whole


async def test_the_whole_answer_comes_and_the_connection_is_kept() -> None:
    async with FakeOllama() as ollama:
        upstream = Upstream(ollama.url)
        ollama.answers("/api/show", answer(whole(b'{"a":1}')), answer(whole(b'{"a":2}')))
        for number in (b"1", b"2"):
            found = await fetch_answer(upstream.send, "POST", "/api/show", b'{"model":"tiny"}')
            assert isinstance(found, tuple)
            assert found[:2] == (200, b'{"a":%b}' % number)
        upstream.close()


async def test_half_an_answer_or_none_is_told_in_a_sentence() -> None:
    async with FakeOllama() as ollama:
        upstream = Upstream(ollama.url)
        ollama.answers(
            "/api/show", answer(head(200, CHUNKED), chunk(b"half"), FIN), answer(head(200, CHUNKED), chunk(b"half"))
        )
        found = await fetch_answer(upstream.send, "POST", "/api/show", b"{}")
        assert isinstance(found, str)
        assert "broke off" in found
        silent = await fetch_answer(upstream.send, "POST", "/api/show", b"{}", seconds=0.2)
        assert silent == "Ollama did not answer within 0.2 s."
        upstream.close()
    absent = await fetch_answer(upstream.send, "GET", "/api/ps", None)
    assert isinstance(absent, str)
    assert absent.startswith("Ollama cannot be asked: ")
