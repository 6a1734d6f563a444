"""``measure``: how fast a model is, by Ollama's own counts."""

import json
from collections.abc import Callable

import pytest

from service.cli.measuring import Measured, Rate, explained, markdown
from tests.cli.answering import Answering
from tests.cli.conftest import Run
from tests.servers.ollama import MODEL, Ollama


def test_a_real_ollama_is_measured_on_its_own_counts(run: Run, ollama: Ollama) -> None:
    told = run("measure", MODEL, "--url", ollama.url, "--runs", "2", "--tokens", "16", "--context", "512", "--json")
    assert told.exit_code == 0, told.output
    cpu, gpu = json.loads(told.stdout)
    assert (cpu["processor"], gpu["processor"]) == ("cpu", "gpu")
    for one in (cpu, gpu):
        assert one["generation"]["lowest"] <= one["generation"]["median"] <= one["generation"]["highest"]
        assert one["prompt"]["median"] > 0
        assert one["load_time"] > 0
        assert one["size"] > 0
        assert one["on_gpu"] == 0
    shown = run("measure", MODEL, "--url", ollama.url, "--cpu", "--runs", "1", "--tokens", "8")
    assert "tokens/s (" in shown.stdout
    assert "stopwatch" in shown.stderr
    table = run("measure", MODEL, "--url", ollama.url, "--cpu", "--runs", "1", "--tokens", "8", "--markdown")
    assert table.stdout.startswith("|  | generation |")


def test_what_ollama_refuses_and_that_it_is_not_there_is_told(run: Run, ollama: Ollama) -> None:
    absent = run("measure", "absent", "--url", ollama.url)
    assert absent.exit_code == 1
    assert "not found" in absent.stderr
    away = run("measure", MODEL, "--url", "http://127.0.0.1:9")
    assert away.exit_code == 1
    assert "Is it running?" in away.stderr
    assert run("measure", MODEL, "--url", "nonsense").exit_code == 2


def test_who_answers_without_being_ollama_is_told_apart(run: Run, answers: Callable[..., Answering]) -> None:
    server = answers({"/api/generate": b"<html>It works!"})
    told = run("measure", MODEL, "--url", server.url)
    assert (told.exit_code, "is no Ollama (200)" in told.stderr) == (1, True)


def test_ollama_is_asked_itself_whatever_proxy_is_set(
    run: Run, answers: Callable[..., Answering], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = answers({"/api/generate": {"error": "no such model"}})
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    run("measure", MODEL, "--url", server.url)
    assert server.asked[0].target == "/api/generate"


def test_of_several_the_first_that_has_the_model_is_measured(
    run: Run, answers: Callable[..., Answering], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = {"load_duration": 1, "eval_count": 9, "eval_duration": 10**9, "response": "a b"}
    has_it = answers({"/api/show": {"details": {}}, "/api/generate": counted, "/api/ps": {"models": []}})
    has_not = answers({"/api/generate": {"error": "no such model"}})
    monkeypatch.setenv("OLLAMA_URL", f"http://127.0.0.1:9,{has_not.url},{has_it.url}")
    told = run("measure", "tiny", "--cpu", "--runs", "1")
    assert told.exit_code == 0, told.output
    assert f"Measured at {has_it.url}." in told.stderr
    assert {asked.target for asked in has_not.asked} == {"/api/show"}
    assert json.loads(run("measure", "tiny", "--cpu", "--runs", "1", "--json").stdout)[0]["model"] == "tiny"
    monkeypatch.setenv("OLLAMA_URL", f"http://127.0.0.1:9,{has_not.url}")
    assert "http://127.0.0.1:9 cannot be asked" in run("measure", "tiny").stderr


def measured(processor: str, rate: float, on_gpu: float | None) -> Measured:
    return Measured("m", processor, 3, None, 1.0, Rate(100, 90, 110), Rate(rate, rate, rate), 2.0, 5 * 10**9, on_gpu)


@pytest.mark.parametrize(
    ("on_gpu", "said"),
    [(1.0, "4.0 times as fast"), (0.0, "put nothing of this model on a GPU"), (0.6, "Only 60% of it fit")],
)
def test_what_the_figures_mean_is_said(on_gpu: float, said: str) -> None:
    assert said in explained([measured("cpu", 10, 0.0), measured("gpu", 40, on_gpu)])


def test_the_table_for_a_document_has_a_row_for_each() -> None:
    lines = markdown([measured("cpu", 10, 0.0), measured("gpu", 40, 1.0)]).splitlines()
    assert len(lines) == 4
    assert (
        lines[3]
        == "| GPU | 40.0 tokens/s (40.0-40.0) | 100.0 tokens/s (90.0-110.0) | 1.0 s | 5.0 GB | 100% | 2.0 words/s |"
    )
