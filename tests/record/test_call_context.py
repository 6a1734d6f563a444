"""How many tokens a call had room for, from what was asked and what was seen loaded meanwhile."""

from dataclasses import dataclass, field, replace

import pytest

from service.record.call_context import CallContexts, ModelCall
from service.record.model_facts import LoadedModel, Look, ModelFacts

SECOND = 1_000_000_000
CHAT = ModelFacts(weights="w", trained_length=8192)


@dataclass
class Ollama:
    """What the recorder sees of Ollama. Times are seconds."""

    facts: dict[str, ModelFacts] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)

    def look(self, at: float, *models: tuple[str, int] | tuple[str, int, str], in_flight: int = 2) -> None:
        loaded = tuple(LoadedModel(f"{name}:latest", *rest) for name, *rest in models)
        asked = int(at * SECOND)
        self.looks.append(Look(len(self.looks) + 1, asked, asked + 1000, in_flight, loaded))

    def contexts(self) -> CallContexts:
        return CallContexts(lambda: self.looks, lambda name: self.facts.get(name.partition(":")[0]))


def call(began: float, ended: float, *, model: str = "m", load: float | None = 0.002, **more: int | None) -> ModelCall:
    return ModelCall(model, began_ns=int(began * SECOND), load=load, ended_ns=int(ended * SECOND), **more)


def test_what_is_loaded_while_a_call_runs_is_its_length() -> None:
    ollama = Ollama()
    ollama.look(1.5, ("m", 4096))
    assert ollama.contexts().length_of(call(1, 2)) == 4096
    assert ollama.contexts().length_of(call(1, 2, model="other")) is None


@pytest.mark.parametrize(("at", "load"), [(0.9, 0.002), (2.1, 0.002), (1.3, 0.5)])
def test_what_was_loaded_at_another_moment_is_not(at: float, load: float) -> None:
    ollama = Ollama()
    ollama.look(at, ("m", 256))
    assert ollama.contexts().length_of(call(1, 2, load=load)) is None


def test_without_a_load_duration_an_answer_has_to_have_begun() -> None:
    ollama = Ollama()
    ollama.look(1.5, ("m", 4096))
    streamed = replace(call(1, 2, load=None), answering_ns=int(1.4 * SECOND))
    assert ollama.contexts().length_of(streamed) == 4096
    assert ollama.contexts().length_of(replace(streamed, answering_ns=int(1.6 * SECOND))) is None
    assert ollama.contexts().length_of(replace(streamed, answering_ns=None)) is None


def test_what_is_asked_for_counts_as_far_as_the_model_can() -> None:
    ollama = Ollama({"m": CHAT, "eyes": ModelFacts(sees_images=True)})
    contexts = ollama.contexts()
    assert contexts.length_of(call(1, 2, num_ctx=512)) == 512
    assert contexts.length_of(call(1, 2, num_ctx=100_000)) == 8192
    assert contexts.length_of(call(1, 2, num_ctx=100_000, model="unknown")) == 100_000
    assert contexts.length_of(call(1, 2, num_ctx=1)) == 4
    # Such a model gets more, and messages are left out as if it had not.
    assert contexts.length_of(call(1, 2, num_ctx=512, model="eyes")) is None


def test_what_is_loaded_says_how_much_of_what_was_asked_for_the_model_can() -> None:
    ollama = Ollama()
    ollama.look(1.5, ("m", 2048))
    assert ollama.contexts().length_of(call(1, 2, num_ctx=100_000)) == 2048
    assert ollama.contexts().length_of(call(1, 2, num_ctx=512)) is None


def test_a_call_that_asks_for_nothing_gets_what_such_a_call_got_before() -> None:
    ollama = Ollama({"m": CHAT})
    contexts = ollama.contexts()
    ollama.look(1.5, ("m", 4096))
    assert contexts.length_of(call(1, 2)) == 4096
    assert contexts.length_of(call(3, 3.5, num_ctx=256)) == 256
    # Loaded with 256 a moment ago, and now anew with what is usual.
    ollama.look(3.4, ("m", 256))
    assert contexts.length_of(call(4, 4.2, load=0.15)) == 4096
    ollama.look(5, ("m", 4096))
    ollama.look(9, ("other", 1))
    assert contexts.length_of(call(10, 10.1)) is None


def test_a_short_call_leaves_its_length_loaded_when_nothing_else_went_on() -> None:
    for in_flight, num_ctx, expected in ((0, None, 4096), (1, None, None), (0, 4096, None)):
        ollama = Ollama()
        contexts = ollama.contexts()
        assert contexts.length_of(call(1, 1.01, num_ctx=num_ctx)) == num_ctx
        ollama.look(1.5, ("m", 4096), in_flight=in_flight)
        assert contexts.length_of(call(2, 2.01)) == expected


def test_a_look_after_a_call_that_is_not_yet_told_teaches_nothing() -> None:
    ollama = Ollama()
    contexts = ollama.contexts()
    contexts.length_of(call(1, 1.01))
    ollama.look(3, ("m", 256), in_flight=0)
    # This one ended before the look, and another one that asked for 256 may have as well.
    contexts.length_of(call(2, 2.01))
    contexts.length_of(call(2, 2.5, num_ctx=256))
    assert contexts.length_of(call(4, 4.01)) is None


def test_another_name_of_the_same_weights_has_the_length_of_the_one_that_is_listed() -> None:
    ollama = Ollama({"m": CHAT, "copy": CHAT, "other": CHAT._replace(weights="x"), "bare": ModelFacts()})
    ollama.look(1.5, ("m", 2048))
    contexts = ollama.contexts()
    assert contexts.length_of(call(1, 2, model="copy")) == 2048
    assert contexts.length_of(call(1, 2, model="other")) is None
    assert contexts.length_of(call(1, 2, model="bare")) is None


def test_of_a_model_that_was_made_anew_the_newest_counts() -> None:
    ollama = Ollama()
    ollama.look(1.5, ("m", 1024, "new"), ("m", 256, "old"))
    contexts = ollama.contexts()
    assert contexts.length_of(call(1, 2)) == 1024
    assert contexts.length_of(call(2, 2.1)) == 1024
    ollama.look(3, ("m", 1024, "newer"))
    assert contexts.length_of(call(4, 4.1)) is None


def test_a_models_own_parameter_counts_where_nothing_was_asked_for() -> None:
    contexts = Ollama({"m": CHAT._replace(num_ctx=256), "small": ModelFacts("w", 512, 4096)}).contexts()
    assert contexts.length_of(call(1, 2)) == 256
    assert contexts.length_of(call(1, 2, num_ctx=512)) == 512
    assert contexts.length_of(call(1, 2, model="small")) == 512


def test_more_tokens_than_there_is_room_for_cannot_be() -> None:
    ollama = Ollama()
    ollama.look(1.5, ("m", 256))
    contexts = ollama.contexts()
    assert contexts.length_of(call(1, 2, prompt_tokens=256)) == 256
    assert contexts.length_of(call(2, 2.1, prompt_tokens=300)) is None
    assert contexts.length_of(call(3, 3.1)) is None


def test_what_was_learnt_goes_when_looks_were_missed() -> None:
    ollama = Ollama()
    ollama.look(1.5, ("m", 4096))
    contexts = ollama.contexts()
    assert contexts.length_of(call(1, 2)) == 4096
    for number in range(9):
        ollama.look(3 + number, ("m", 4096))
    del ollama.looks[:5]
    assert contexts.length_of(call(20, 20.1)) is None


def test_it_remembers_a_bounded_number_of_models() -> None:
    contexts = Ollama().contexts()
    for number in range(2500):
        contexts.length_of(call(number, number + 0.5, model=f"m{number}"))
    assert len(contexts._last) <= 1000


def test_the_first_call_of_a_model_waits_for_the_look_that_it_caused() -> None:
    ollama = Ollama()
    waited: list[int] = []

    def await_look() -> None:
        waited.append(1)
        if len(waited) == 1:
            # Asked while the call ran, and answered just after it.
            ollama.looks.append(Look(1, 1_001_000_000, 1_003_000_000, 1, (LoadedModel("m:latest", 64),)))

    contexts = CallContexts(lambda: ollama.looks, await_look=await_look)
    assert contexts.length_of(call(1, 1.002)) == 64
    # Then it is known what is usual, and what was asked for needs no look.
    assert contexts.length_of(call(2, 2.001)) == 64
    assert contexts.length_of(call(2, 2.001, model="other", num_ctx=5)) == 5
    assert len(waited) == 1
    ollama.looks[0] = ollama.looks[0]._replace(in_flight=2)
    assert CallContexts(lambda: ollama.looks).length_of(call(1, 1.002)) is None


def test_more_than_any_model_can_is_not_believed() -> None:
    contexts = Ollama({"m": CHAT}).contexts()
    assert contexts.length_of(call(1, 2, num_ctx=10**12)) == 8192
    assert contexts.length_of(call(1, 2, model="other", num_ctx=10**12)) is None
    assert [contexts.length_of(call(1, 2, num_ctx=odd)) for odd in (0, -1, 3, 4)] == [4] * 4
