from service.gateway.admission import Policy
from service.gateway.cors import cors
from tests.fakes.ollama import FakeOllama
from tests.gateway.harness import request_bytes, running_gateway, talk

PAGE = "https://app.example.org"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, x-caller"}


def test_a_program_that_is_no_browser_gets_no_such_header() -> None:
    assert cors(None) == ()


async def test_a_page_that_may_call_is_told_so_before_it_calls() -> None:
    policy = Policy(cors_origins=frozenset({PAGE}))
    async with FakeOllama() as ollama, running_gateway(ollama.url, policy=policy) as gateway:
        got = await talk(gateway.port, request_bytes("OPTIONS", "/api/ollama/api/chat", b"", Origin=PAGE, **ASKS))
        assert got.status == 204
        assert got.header("Access-Control-Allow-Origin") == PAGE
        assert got.header("Access-Control-Allow-Headers") == "content-type, x-caller"
        assert got.header("Vary") == "Origin"
        assert not gateway.ended


async def test_a_page_that_may_not_is_refused_and_recorded() -> None:
    async with FakeOllama() as ollama, running_gateway(ollama.url) as gateway:
        got = await talk(gateway.port, request_bytes("OPTIONS", "/api/ollama/api/chat", b"", Origin=PAGE, **ASKS))
        assert got.status == 403
        assert got.header("Access-Control-Allow-Origin") is None
        assert len(gateway.ended) == 1
