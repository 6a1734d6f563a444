"""A week of chats, cut as Ollama cuts them and counted with real vocabularies: what the recorder says of them.

The figures stand in docs/decisions/0013-cut-prompts.md; the limits here are what the project promises. No prompt that
was cut may be called whole, at most one whole one in a thousand may be called cut, and with the vocabulary at most
three of a hundred cut ones may stay unknown.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from service.record.model_facts import ModelFacts
from service.record.prompt_fit import Prompt
from service.record.prompt_memory import PromptMemory
from service.record.prompt_parts import parts_of
from tests.simulation.vocabularies import gemma2, llama3, vocabulary
from tests.simulation.week import LLAMA3, NUM_CTX, PLAIN, Request, Template, Week

FACTS = ModelFacts(trained_length=131_072, fixed_bytes=300)


@dataclass(slots=True)
class Score:
    """How many prompts were cut or whole, and what was said of them."""

    counts: Counter[tuple[str, bool | None]] = field(default_factory=Counter)
    exact_losses: int = 0
    losses: int = 0

    def share(self, truth: str, verdict: bool | None) -> float:
        """The share of prompts of this kind of which this was said, in percent."""
        return 100 * self.counts[truth, verdict] / sum(self.counts[truth, one] for one in (True, False, None))


def judge_all(week: Week, memory: PromptMemory, halves: bool | None) -> Score:
    score = Score()
    for request in week.requests():
        parts = parts_of(request.body(), "chat")
        prompt = Prompt(parts, request.read, request.written, NUM_CTX, facts=FACTS, halves=halves)
        verdict = memory.judge("m", prompt)
        score.counts[truth_of(request), verdict.is_cut] += 1
        if verdict.by == "messages" and request.is_cut:
            assert verdict.messages is not None
            assert verdict.messages <= request.left_out
            assert (verdict.tokens or 0) <= request.whole - request.read
            score.losses += 1
            score.exact_losses += verdict.messages == request.left_out
    return score


def truth_of(request: Request) -> str:
    if request.is_cut:
        return "cut"
    # Where prompt and answer fill the context to the last token, both answers are right.
    return "whole" if request.read + request.written < NUM_CTX else "full"


@pytest.mark.long
@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize(("make", "template"), [(llama3, LLAMA3), (gemma2, PLAIN)])
def test_of_a_week_of_chats_no_cut_one_is_called_whole_and_nearly_all_are_found(
    make: Callable[[], dict[str, Any]], template: Template, halves: bool
) -> None:
    real, own = vocabulary(make()), vocabulary(make())
    with_vocabulary = PromptMemory(counter_of=lambda model: lambda text, until: own.count(text))
    for memory, unknown in ((with_vocabulary, 3.0), (PromptMemory(), 15.0)):
        # Which version it is, is not known either.
        score = judge_all(Week(lambda text: real.count(text) or 0, template, halves), memory, None)
        said = {f"{truth} {verdict}": count for (truth, verdict), count in score.counts.items()}
        print(f"{make.__name__} halves={halves} {said} exact {score.exact_losses} of {score.losses}")
        assert score.share("cut", False) == 0
        assert score.share("whole", True) <= 0.1
        assert score.share("cut", None) <= unknown
        # How many there are changes a little with the program text that these chats quote: it is this project's own.
        assert sum(score.counts[kind] for kind in score.counts if kind[0] == "cut") > 500
