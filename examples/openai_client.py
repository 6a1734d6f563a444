"""OpenAI's own SDK against a local model: only ``base_url`` differs, and every call is recorded.

    pip install openai
    python examples/openai_client.py --model llama3.2
    python examples/openai_client.py --model llama3.2 --embedding-model nomic-embed-text tools embeddings

Parts: chat stream tools structured embeddings responses (all of them without a name).
"""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

import openai
from openai import OpenAI

BASE_URL = "http://localhost:8080/api/ollama/v1"
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_temperature",
        "description": "The temperature in a city now, in degrees Celsius.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "country": {"type": "string"}},
    "required": ["name", "country"],
}


def chat(client: OpenAI, model: str) -> str:
    """One question, one answer."""
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Explain systemd in 50 words."}]
    )
    return answer.choices[0].message.content or ""


def stream(client: OpenAI, model: str) -> str:
    """The same, shown as it is generated; the last piece carries the tokens that Ollama counted."""
    pieces = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Count to five."}],
        stream=True,
        stream_options={"include_usage": True},
    )
    said, usage = "", None
    for piece in pieces:
        said += piece.choices[0].delta.content or "" if piece.choices else ""
        usage = piece.usage or usage
    return f"{said}\n({usage.completion_tokens if usage else '?'} tokens)"


def tools(client: OpenAI, model: str) -> str:
    """Let the model ask for a function, answer it, and read what it makes of that."""
    messages: list[Any] = [{"role": "user", "content": "How warm is it in Lyon?"}]
    first = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    calls = first.choices[0].message.tool_calls or []
    if not calls:
        return f"{model} did not ask for the tool: {first.choices[0].message.content}"
    messages.append(first.choices[0].message.model_dump(exclude_none=True))
    for call in calls:
        if call.type != "function":  # OpenAI has other kinds, Ollama only this one
            continue
        city = json.loads(call.function.arguments or "{}").get("city", "?")
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"21 degrees in {city}"})
    last = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    return str(last.choices[0].message.content)


def structured(client: OpenAI, model: str) -> str:
    """An answer that has the form of a JSON schema."""
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Name one city and its country."}],
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}},
        max_tokens=200,
    )
    return answer.choices[0].message.content or ""


def embeddings(client: OpenAI, model: str) -> str:
    """Texts as vectors."""
    found = client.embeddings.create(model=model, input=["a cat", "a dog"], encoding_format="float")
    return f"{len(found.data)} vectors of {len(found.data[0].embedding)} numbers"


def responses(client: OpenAI, model: str) -> str:
    """OpenAI's newer API for the same."""
    return client.responses.create(model=model, input="Say hello in French.").output_text


PARTS: dict[str, Callable[[OpenAI, str], str]] = {
    "chat": chat,
    "stream": stream,
    "tools": tools,
    "structured": structured,
    "embeddings": embeddings,
    "responses": responses,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="OpenAI's SDK against a local model.")
    parser.add_argument("parts", nargs="*", help=", ".join(PARTS))
    parser.add_argument("--base-url", default=BASE_URL)
    parser.add_argument("--model", required=True)
    parser.add_argument("--embedding-model", default="", help="default: the same")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    # The SDK wants a key; the recorder asks for one only when API_KEYS_FILE is set.
    client = OpenAI(base_url=chosen.base_url, api_key="ollama", default_headers={"X-Caller": "openai_client.py"})
    failed = False
    for name in chosen.parts or PARTS:
        model = (chosen.embedding_model or chosen.model) if name == "embeddings" else chosen.model
        try:
            print(f"--- {name}\n{PARTS[name](client, model)}\n", flush=True)
        except openai.OpenAIError as error:
            failed = True
            print(f"--- {name}\nfailed: {error}\n", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
