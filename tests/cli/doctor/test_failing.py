"""Which failures are told, and under which name."""

from pathlib import Path

import pytest

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.failing import client_limits, crashes, no_models, refusals, silences, too_busy, unreachable
from service.cli.doctor.window import Window, read_window
from service.gateway.admission import Policy, check_host, check_key, check_origin, check_route
from service.gateway.error_responses import Refusal
from service.gateway.routes import find_target
from service.record.exchange import EncodedRecord, Outcome
from tests.cli.doctor.given_traffic import failed, happened, refused

POLICY = Policy(keys={"0" * 64: "n8n"})


def among(folder: Path, *records: EncodedRecord) -> Window:
    happened(folder, records)
    return read_window(folder, 86_400.0)


@pytest.mark.parametrize(
    ("refusal", "entry"),
    [
        (check_host("llm.example.org", POLICY), Chapter.HOST_NAME),
        (check_origin("https://app.example.org", "localhost", POLICY), Chapter.ORIGIN),
        (check_route(find_target("/api/ollama/chat"), "POST", POLICY), Chapter.WRONG_ADDRESS),
        (check_route(find_target("/api/ollama/api/pull"), "POST", POLICY), Chapter.MANAGEMENT),
        (check_route(find_target("/api/ollama/api/chat"), "GET", POLICY), Chapter.WRONG_ADDRESS),
        (check_key({}, POLICY), Chapter.KEY),
    ],
)
def test_every_refusal_of_the_gateway_has_its_chapter(refusal: Refusal, entry: Chapter, folder: Path) -> None:
    (found,) = refusals(among(folder, refused(1, refusal.status, refusal.message)))
    assert found.entry is entry


@pytest.mark.parametrize(
    ("seconds", "times", "is_limit"),
    [(60.0, 1, False), (60.2, 2, True), (62.0, 3, False), (300.9, 1, True), (299.0, 1, False), (305.0, 1, False)],
)
def test_who_left_at_a_usual_limit_did_not_change_their_mind(
    seconds: float, times: int, is_limit: bool, folder: Path
) -> None:
    left = (
        failed(number, Outcome.CLIENT_LEFT, ago=number, status=499, request_time=seconds)
        for number in range(1, times + 1)
    )
    assert bool(list(client_limits(among(folder, *left)))) == is_limit


def test_errors_of_callers_are_not_those_of_ollama(folder: Path) -> None:
    found = among(
        folder,
        failed(1, Outcome.COMPLETED, "json: cannot unmarshal string into Go struct", status=400),
        failed(2, Outcome.COMPLETED, '"tiny" does not support tools', status=400),
        failed(3, Outcome.COMPLETED, "page not found", status=404),
        failed(4, Outcome.COMPLETED, "too many requests", status=429),
    )
    looks = (crashes, no_models, too_busy, silences, unreachable, refusals, client_limits)
    assert [finding for look in looks for finding in look(found)] == []


def test_an_error_of_any_length_is_shown_in_short(folder: Path) -> None:
    (found,) = crashes(among(folder, failed(1, Outcome.COMPLETED, "CUDA error: " + "x\n" * 5000, status=500)))
    assert len(found.text) < 300
