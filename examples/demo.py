"""The recorder with something to see at once: ``make demo``. Needs no Ollama; nothing is kept when it ends.

A stand-in plays Ollama: it knows a few conversations by heart and answers them at the pace of a model. A day of them
lies in the journal when the recorder starts, and more come while it runs.
"""

import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import aiohttp
from aiohttp import web

from service.app import App
from service.journal.journal import Journal
from service.journal.space import Retention
from service.logs import Output
from service.record.exchange import Body, Caller, Exchange, OpenExchange, Outcome
from service.record.line import make_record
from service.settings import SettingsError, read_settings

CONTEXT = 4096
DAY_NS = 86_400 * 10**9
LONGEST_LOAD = 8.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A call that somebody makes again and again. ``load`` and ``prompt_time`` are seconds, ``rate`` tokens/s.

    ``otherwise`` is what another model answers, where somebody replays the call with one.
    """

    caller: Caller
    model: str
    system: str
    prompts: tuple[str, ...]
    answers: tuple[str, ...]
    rate: float
    prompt_time: float = 0.4
    load: float = 0.02
    prompt_tokens: int = 120
    outcome: Outcome = Outcome.COMPLETED
    otherwise: str = ""


def _n8n(workflow: str, node: str) -> Caller:
    return Caller(workflow=workflow, node=node, caller="n8n")


SCENES = (
    Scene(
        _n8n("Invoice triage", "Summarise"),
        "llama3.1:8b",
        "You summarise business mail in at most three lines.",
        ("Summarise this invoice: Müller GmbH, no. 4711, 12 desk lamps at 49 euros, due on 30 November.",),
        ("Müller GmbH asks 588 euros for 12 desk lamps (invoice 4711), due on 30 November. Nothing else is open.",),
        41,
        otherwise="Müller GmbH asks for 588 euros for 12 desk lamps, due on 30 November.",
    ),
    Scene(
        _n8n("Invoice triage", "Classify"),
        "llama3.1:8b",
        "You sort customer mail. Answer with one word: order, complaint or question.",
        (
            "Hello, the parcel of last week arrived opened, and one of the two cups is broken. What now? Regards, Eva",
            "Good morning, please send me another 20 boxes of the blue paper, as last time.",
        ),
        ("complaint", "order"),
        42,
        load=0.03,
    ),
    Scene(
        _n8n("Invoice triage", "Classify"),
        "llama3.1:8b",
        "You sort customer mail. Answer with one word: order, complaint or question.",
        ("Is the shop open on Saturday, and can I park there?",),
        ("question",),
        40,
        load=38.5,
        prompt_time=2.1,
    ),
    Scene(
        _n8n("Report writer", "Draft"),
        "qwen3:32b",
        "You write monthly reports for the board. Be factual.",
        ("Write the monthly report from these figures: revenue 412,000, costs 371,000, 3 new customers, 1 left.",),
        (
            "# Monthly report, October\n\nRevenue was 412,000 euros and costs were 371,000, so the month ended with"
            " 41,000 euros. Three customers were won and one was lost; the loss was announced in spring.\n\n"
            "## What to watch\n\nCosts grew faster than revenue for the second month.",
        ),
        7,
        prompt_time=6.0,
        prompt_tokens=900,
    ),
    Scene(
        Caller(user="Anna", caller="Open WebUI"),
        "mistral:7b",
        "",
        ("Here is the whole contract, 40 pages of it. What are the dates that I must not miss?\n" + "§ … " * 3000,),
        ("The contract names two dates: notice by 30 September, and payment within 14 days of each delivery.",),
        52,
        prompt_time=3.9,
        prompt_tokens=CONTEXT,
    ),
    Scene(
        Caller(caller="curl"),
        "llama3.1:8b",
        "",
        ("Explique Docker en 3 phrases",),
        (
            "Docker est une plateforme qui emballe une application avec tout ce dont elle a besoin. Ces paquets, les"
            " conteneurs, démarrent en une seconde et se ressemblent partout. On les décrit dans un fichier et on les"
            " partage.",
        ),
        44,
    ),
    Scene(
        _n8n("Knowledge base", "Answer"),
        "mistral:7b",
        "Answer from the handbook only.",
        ("How many days of leave may be carried over?", "Who signs travel expenses above 500 euros?"),
        ("Five days, until the end of March.", "The head of the department, and the finance office after that."),
        50,
        prompt_time=1.2,
        prompt_tokens=1800,
    ),
    Scene(
        _n8n("Report writer", "Draft"),
        "qwen3:32b",
        "You write monthly reports for the board. Be factual.",
        ("Write a report of twenty pages about everything that happened this year, month by month.",),
        ("# The year, month by month\n\nJanuary began with the move to the new building, and",),
        6,
        load=26.0,
        prompt_time=4.0,
        outcome=Outcome.CLIENT_LEFT,
    ),
)
WEIGHTS = (30, 22, 4, 8, 5, 8, 20, 2)
# The README's first call, which nobody makes here by themselves.
FIRST_CALL = Scene(
    Caller(caller="curl"),
    "llama3.2",
    "",
    ("Explain Docker",),
    ("Docker packs a program with all that it needs. Such a container starts in a second and is the same everywhere.",),
    60,
)
# Each model and its pace in tokens/s.
MODELS = {scene.model: scene.rate for scene in reversed((*SCENES, FIRST_CALL))}


def request_of(scene: Scene, prompt: str) -> bytes:
    messages = [{"role": "system", "content": scene.system}] if scene.system else []
    messages.append({"role": "user", "content": prompt})
    return json.dumps({"model": scene.model, "messages": messages}, ensure_ascii=False).encode()


def tokens_of(text: str) -> list[str]:
    """Pieces of the size in which models speak."""
    *words, last = text.split(" ")
    return [*(f"{word} " for word in words), last]


def last_line(scene: Scene, count: int, text: str = "") -> bytes:
    """The end of an answer; with its ``text`` the whole of one that is not streamed."""
    spent = [scene.load, scene.prompt_time, count / scene.rate]
    said = {
        "model": scene.model,
        "message": {"role": "assistant", "content": text},
        "done": True,
        "done_reason": "stop",
    }
    said |= {"total_duration": int(sum(spent) * 1e9), "load_duration": int(spent[0] * 1e9)}
    said |= {"prompt_eval_count": scene.prompt_tokens, "prompt_eval_duration": int(spent[1] * 1e9)}
    said |= {"eval_count": count, "eval_duration": int(spent[2] * 1e9)}
    return json.dumps(said).encode() + b"\n"


def token_line(scene: Scene, token: str) -> bytes:
    return json.dumps({"model": scene.model, "message": {"role": "assistant", "content": token}}).encode() + b"\n"


# A day that has been


def yesterday(count: int, chance: random.Random) -> Iterator[Exchange]:
    """``count`` exchanges of the last 24 hours, oldest first."""
    now = time.time_ns()
    moments = sorted(now - int(chance.random() ** 1.4 * DAY_NS) for _ in range(count))
    for number, ended_ns in enumerate(moments):
        scene = chance.choices(SCENES, WEIGHTS)[0]
        yield past(scene, ended_ns, 100 + number // 4, chance)


def past(scene: Scene, ended_ns: int, execution: int, chance: random.Random) -> Exchange:
    index = chance.randrange(len(scene.prompts))
    tokens = tokens_of(scene.answers[index])
    before = scene.load + scene.prompt_time * chance.uniform(0.7, 1.3)
    seconds = before + len(tokens) / scene.rate * chance.uniform(0.9, 1.1) + 0.05
    lines = [token_line(scene, token) for token in tokens]
    if scene.outcome is Outcome.COMPLETED:
        lines.append(last_line(scene, len(tokens)))
    else:
        seconds = 300.0
    answer, request = b"".join(lines), request_of(scene, scene.prompts[index])
    caller = scene.caller._replace(execution_id=str(execution)) if scene.caller.workflow else scene.caller
    identifier = f"{ended_ns:016x}{chance.getrandbits(64):016x}"
    opened = OpenExchange(
        id=identifier,
        started_ns=ended_ns - int(seconds * 1e9),
        method="POST",
        request_uri="/api/ollama/api/chat",
        path="/api/chat",
        operation="chat",
        api="ollama",
        remote_addr="127.0.0.1",
        trace_id=identifier,
        span_id=identifier[16:],
        user_agent=caller.caller,
        caller=caller,
        request=Body(len(request), request, content_type="application/json"),
    )
    response = Body(len(answer), answer, content_type="application/x-ndjson")
    return Exchange(opened, scene.outcome, ended_ns, 200, 200, seconds, before, ((0, before),), response)


def fill(folder: Path, count: int) -> None:
    """Make a journal with ``count`` exchanges in ``folder``."""
    journal = Journal(folder, sync="normal", retention=Retention())
    journal.open()
    exchanges = yesterday(count, random.Random(7))  # noqa: S311 - the same day each time, no secret
    journal.write([make_record(one, context_length_of=lambda model: CONTEXT, mask=True) for one in exchanges])
    journal.close()


# What happens now


def told_by(model: str, scene: Scene, answer: str) -> Scene:
    """The scene as another model plays it: at its own pace, and in other words where we know some."""
    return replace(scene, model=model, rate=MODELS[model], answers=(scene.otherwise or answer,), load=0.02)


def as_generated(line: bytes) -> bytes:
    """A line of ``/api/chat`` as ``/api/generate`` has it."""
    told = json.loads(line)
    told["response"] = told.pop("message")["content"]
    return json.dumps(told).encode() + b"\n"


def as_it_is(line: bytes) -> bytes:
    return line


async def play_ollama(request: web.Request) -> web.StreamResponse:
    """Answer a chat or a prompt by heart, at the pace of a model."""
    asked = await request.json()
    is_chat = request.path == "/api/chat"
    form = as_it_is if is_chat else as_generated
    model, prompt = asked.get("model", ""), asked["messages"][-1]["content"] if is_chat else asked.get("prompt", "")
    if model not in MODELS:
        return web.json_response({"error": f"model '{model}' not found"}, status=404)
    found = ((scene, scene.prompts.index(prompt)) for scene in (*SCENES, FIRST_CALL) if prompt in scene.prompts)
    scene, index = next(found, (SCENES[5], 0))
    if model != scene.model:
        scene, index = told_by(model, scene, scene.answers[index]), 0
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    # Nobody waits for half a minute to see one; and what is told of it is what it took.
    scene = replace(scene, load=min(scene.load, LONGEST_LOAD))
    tokens = tokens_of(scene.answers[index])
    await asyncio.sleep(scene.load + scene.prompt_time)
    if asked.get("stream") is False:
        await asyncio.sleep(len(tokens) / scene.rate)
        body = form(last_line(scene, len(tokens), scene.answers[index]))
        return web.Response(body=body, content_type="application/json")
    await response.prepare(request)
    for token in tokens:
        await response.write(form(token_line(scene, token)))
        await asyncio.sleep(1 / scene.rate)
    await response.write(form(last_line(scene, len(tokens))))
    return response


async def list_models(request: web.Request) -> web.Response:
    models = [{"name": name, "context_length": CONTEXT} for name in MODELS]
    return web.json_response({"models": models, "version": "0.0.0 (a stand-in)"})


async def start_ollama() -> tuple[web.AppRunner, int]:
    ollama = web.Application()
    for path in ("/api/chat", "/api/generate"):
        ollama.router.add_post(path, play_ollama)
    for path in ("/api/tags", "/api/ps", "/api/version"):
        ollama.router.add_get(path, list_models)
    runner = web.AppRunner(ollama, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, int(runner.addresses[0][1])


async def ask_on_and_on(base: str, pause: float) -> None:
    """Somebody asks something every few seconds."""
    chance, execution = random.Random(), 900  # noqa: S311 - made-up traffic, no secret
    async with aiohttp.ClientSession() as client, asyncio.TaskGroup() as asking:
        while True:
            scene = chance.choices(SCENES, WEIGHTS)[0]
            execution += 1
            labels = {key: value for key, value in scene.caller._asdict().items() if value}
            if scene.caller.workflow:
                labels["execution"] = str(execution)
            path = ";".join(f"{key}={quote(value, safe='')}" for key, value in labels.items())
            asking.create_task(_ask(client, f"{base}/api/ollama/~{path}/api/chat", scene, chance.choice(scene.prompts)))
            await asyncio.sleep(chance.uniform(0.3, 1.7) * pause)


async def _ask(client: aiohttp.ClientSession, address: str, scene: Scene, prompt: str) -> None:
    try:
        async with client.post(address, data=request_of(scene, prompt)) as answer:
            if scene.outcome is Outcome.CLIENT_LEFT:
                await answer.content.read(200)
                return
            await answer.read()
    except aiohttp.ClientError as error:
        print(f"demo: {error}", file=sys.stderr)


async def main(folder: Path, nowhere: BinaryIO) -> None:
    """Run until told to stop. The recorder's log goes ``nowhere``: the page shows what there is to see."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await asyncio.to_thread(fill, folder, 400)
    runner, port = await start_ollama()
    environment = {**os.environ, "OLLAMA_URL": f"http://127.0.0.1:{port}", "DATA_DIR": str(folder), "LOKI_URL": ""}
    output = Output(nowhere)
    recorder = App(read_settings(environment), environment, output)
    await recorder.start()
    host = recorder.settings.listen[0]
    base = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0', '::') else host}:{recorder.port}"  # noqa: S104
    print(f"\nOpen {base} and look. Ctrl-C ends the demo; nothing of it is kept.\n", flush=True)
    asking = asyncio.create_task(ask_on_and_on(base, float(os.environ.get("DEMO_PAUSE", "4"))))
    await stopped.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await recorder.stop(drain_seconds=0.5)
    output.stop()
    await runner.cleanup()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="ollama-recorder-demo-") as temporary, Path(os.devnull).open("wb") as null:
        try:
            asyncio.run(main(Path(temporary), null))
        except SettingsError as mistakes:
            sys.exit(str(mistakes))
        except OSError as trouble:
            sys.exit(f"{trouble.strerror}. Is something else listening there? LISTEN=127.0.0.1:8081 make demo")
