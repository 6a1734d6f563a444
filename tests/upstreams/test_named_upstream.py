"""What is known of one Ollama, for one call."""

from service.upstreams.named_upstream import NamedUpstream


def test_a_loaded_model_is_had_and_a_call_without_a_model_fits_everywhere() -> None:
    one = NamedUpstream("gpu1", "http://gpu1:11434")
    one.loaded = frozenset({"tiny:latest"})
    standing = one.standing("tiny:latest", 2, False)
    assert (standing.has_model, standing.has_loaded, standing.active, standing.is_free) == (True, True, 2, False)
    assert not one.standing("other:latest", 0, True).has_model
    assert one.standing(None, 0, True).has_model
    one.trouble = "gone"
    assert not one.standing(None, 0, True).is_up
