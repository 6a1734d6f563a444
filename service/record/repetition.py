"""Whether an answer ends as those do that Ollama breaks off because the model repeats itself."""

# Ollama aborts when a model generates the same token more than 30 times; white space around it does not count.
_REPEATED = 30
_LONGEST_TOKEN = 100
_READ = 4 * _REPEATED * _LONGEST_TOKEN


def repeats_itself(text: str) -> bool:
    """Whether ``text`` ends with the same few characters, or with white space, 30 times."""
    end = text[-_READ:]
    if len(end) - len(end.rstrip()) >= _REPEATED:
        return True
    packed = "".join(end.split())
    most = min(_LONGEST_TOKEN, len(packed) // _REPEATED)
    return any(packed.endswith(packed[-size:] * _REPEATED) for size in range(1, most + 1))
