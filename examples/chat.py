"""A chat with a local model in the terminal, recorded by Ollama Recorder.

    pip install ollama
    python examples/chat.py                       the first model that can chat
    python examples/chat.py --model llama3.2 --system "Answer in one sentence."

Ctrl-C stops an answer (and Ollama, which stops generating at once); Ctrl-D ends the chat. /help lists the commands.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import ollama

GATEWAY = "http://localhost:8080/api/ollama"
HELP = """/model NAME    go on with another model
/models        list the models that Ollama has
/system TEXT   set the system prompt (without TEXT: show it; /system - removes it)
/save FILE     write the conversation to FILE
/load FILE     go on with the conversation in FILE
/clear         forget what was said; model and system prompt stay
/quit          end the chat (Ctrl-D does too)"""


class Chat:
    """One conversation: its model, its system prompt, and what was said so far."""

    def __init__(self, client: ollama.Client, model: str, system: str = "") -> None:
        self.client = client
        self.model = model
        self.system = system
        self.messages: list[dict[str, str]] = []

    def ask(self, text: str, show: Callable[[str], None]) -> str:
        """Send ``text``, ``show`` the answer piece by piece, and return what to say about its speed.

        A KeyboardInterrupt stops the answer: what came so far stays in the conversation, because the user read it.
        """
        question = {"role": "user", "content": text}
        answer, note = "", ""
        pieces = self.client.chat(self.model, [*self._opening(), *self.messages, question], stream=True)
        try:
            for piece in pieces:
                said = piece.message.content or ""
                answer += said
                show(said)
                if piece.done:
                    note = _speed(piece)
        except KeyboardInterrupt:
            # Closing the stream hangs up on the recorder, and the recorder on Ollama.
            pieces.close()  # type: ignore[attr-defined]  # it is a generator, though its type is Iterator
            note = "stopped"
        self.messages += [question, {"role": "assistant", "content": answer}]
        return note

    def _opening(self) -> list[dict[str, str]]:
        return [{"role": "system", "content": self.system}] if self.system else []

    def save(self, file: Path) -> None:
        """Write the conversation as JSON. Raises OSError."""
        said = {"model": self.model, "system": self.system, "messages": self.messages}
        file.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    def load(self, file: Path) -> None:
        """Go on with what ``save`` wrote. Raises OSError, or ValueError when it is no conversation."""
        said = json.loads(file.read_text(encoding="utf-8"))
        try:
            messages = [{"role": str(one["role"]), "content": str(one["content"])} for one in said["messages"]]
            model, system = str(said["model"]), str(said["system"])
        except (KeyError, TypeError) as missing:
            raise ValueError(f"{file} holds no conversation of this program") from missing
        self.model, self.system, self.messages = model, system, messages


def _speed(last: ollama.ChatResponse) -> str:
    """Ollama's own counts, which end where the words began: ``42 tokens, 38.1 tokens/s``."""
    if not last.eval_count or not last.eval_duration:
        return ""
    return f"{last.eval_count} tokens, {last.eval_count / last.eval_duration * 1e9:.1f} tokens/s"


def obey(chat: Chat, line: str) -> str:
    """Carry out a command and return what to show. Raises OSError, ValueError or ollama.ResponseError."""
    command, _, rest = line.partition(" ")
    rest = rest.strip()
    if command in ("/save", "/load"):
        if not rest:
            return f"{command} needs the name of a file"
        if command == "/save":
            chat.save(Path(rest).expanduser())
            return f"{len(chat.messages)} messages written to {rest}"
        chat.load(Path(rest).expanduser())
        return f"{len(chat.messages)} messages read; the model is {chat.model}"
    if command == "/models":
        return "\n".join(_models(chat.client)) or "Ollama has no model: fetch one with ollama pull llama3.2"
    if command == "/model":
        if rest and rest not in _models(chat.client) and f"{rest}:latest" not in _models(chat.client):
            return f"Ollama has no model {rest!r}; /models lists those it has"
        chat.model = rest or chat.model
        return f"the model is {chat.model}"
    if command == "/system":
        chat.system = "" if rest == "-" else rest or chat.system
        return f"the system prompt is: {chat.system}" if chat.system else "there is no system prompt"
    if command == "/clear":
        chat.messages = []
        return "forgotten"
    return HELP


def _models(client: ollama.Client) -> list[str]:
    return [model.model or "" for model in client.list().models]


def _first_that_chats(client: ollama.Client) -> str:
    """Embedding models stand in the same list, and cannot chat. Old Ollamas do not tell what a model can do."""
    for model in _models(client):
        abilities = client.show(model).capabilities
        if not abilities or "completion" in abilities:
            return model
    return ""


def talk(chat: Chat) -> None:
    """Read lines and answer them until the user ends it."""
    print(f"{chat.model} · /help lists the commands, Ctrl-C stops an answer, Ctrl-D ends")
    while True:
        try:
            line = input("\n>>> ").strip()
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print("\nCtrl-D or /quit ends the chat")
            continue
        if line == "/quit":
            return
        if not line:
            continue
        try:
            if line.startswith("/"):
                print(obey(chat, line))
            else:
                note = chat.ask(line, lambda said: print(said, end="", flush=True))
                print(f"\n[{note}]" if note else "")
        except ollama.ResponseError as error:
            # The recorder says what to do: that Ollama is not there, or that the model is not.
            print(f"\n{error.error}")
        except (ConnectionError, httpx.HTTPError) as error:
            print(f"\nThe recorder cannot be reached, or it broke off: {error}. Is it running? Start it with: make run")
        except (OSError, ValueError) as error:
            print(error)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A chat with a local model, recorded.")
    parser.add_argument("--host", default=os.environ.get("OLLAMA_HOST", GATEWAY), help=f"default: {GATEWAY}")
    parser.add_argument("--model", default="", help="default: the first that can chat")
    parser.add_argument("--system", default="", help="the system prompt")
    chosen = parser.parse_args(arguments)
    # The recorder shows who asked: this chat is `chat.py`, not just `ollama-python`.
    client = ollama.Client(host=chosen.host, headers={"X-Caller": "chat.py"})
    try:
        model = chosen.model or _first_that_chats(client)
    except (ConnectionError, httpx.HTTPError, ollama.ResponseError) as error:
        print(f"{chosen.host}: {getattr(error, 'error', error)}", file=sys.stderr)
        return 1
    if not model:
        print("Ollama has no model that can chat yet. Fetch one: ollama pull llama3.2", file=sys.stderr)
        return 1
    talk(Chat(client, model, chosen.system))
    return 0


if __name__ == "__main__":
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - gives input() its history and line editing, where it exists
    sys.exit(main())
