"""The recipes of ``docs/sharing.md``, taken from the page and run."""

import asyncio
import hashlib
import json
import re
import shlex
from pathlib import Path

from tests.running_app import ask
from tests.sharing.held import call, sharing, waiting, words

PAGE = Path(__file__).parents[2] / "docs" / "sharing.md"


def recipe(title: str, tmp_path: Path) -> dict[str, str]:
    """The settings of one recipe, its files written below ``tmp_path``."""
    text = PAGE.read_text().split(f"### {title}\n", 1)[1].split("\n#", 1)[0]
    (settings,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    found = dict(line.split("=", 1) for line in shlex.split(settings))
    for rules in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        (tmp_path / "limits.toml").write_text(rules)
        found["LIMITS_FILE"] = str(tmp_path / "limits.toml")
    if "API_KEYS_FILE" in found:
        keys = [f"{name} {hashlib.sha256(name.encode()).hexdigest()}\n" for name in ("ci", "ann")]
        (tmp_path / "keys").write_text("".join(keys))
        found["API_KEYS_FILE"] = str(tmp_path / "keys")
    return found


async def test_a_familys_one_gpu(tmp_path: Path) -> None:
    async with sharing(tmp_path, **recipe("A family's one GPU", tmp_path)) as (app, held):
        calls = [call(app, f"bob {number}", "user=Bob") for number in range(30)]
        await held.chats(1)
        await waiting(app, 29)
        calls.append(call(app, "ann", "user=Ann"))
        await waiting(app, 30)
        held.let_go(100)
        await asyncio.gather(*calls)
        assert held.prompts[1] == "ann"


async def test_a_team_with_keys(tmp_path: Path) -> None:
    async with sharing(tmp_path, **recipe("A team with keys", tmp_path)) as (app, held):
        held.let_go(100)
        path = "/api/ollama/api/chat"

        def body(model: str, **more: object) -> bytes:
            return json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}], **more}).encode()

        assert (await ask(app, path, body("llama3.2:1b"))).status == 401
        assert (await ask(app, path, body("llama3.2:1b"), Authorization="Bearer ci")).status == 200
        assert (await ask(app, path, body("gemma3"), Authorization="Bearer ci")).status == 403
        assert (await ask(app, path, body("gemma3"), Authorization="Bearer ann")).status == 200
        got = await ask(app, path, body("gemma3", keep_alive=-1), Authorization="Bearer ann")
        assert words(got).startswith("key ann may keep a model loaded for 30 min at most")


async def test_a_nightly_batch_beside_people(tmp_path: Path) -> None:
    async with sharing(tmp_path, **recipe("A nightly batch beside people", tmp_path)) as (app, held):
        calls = [call(app, f"night {number}", "workflow=Nightly summaries".replace(" ", "%20")) for number in range(3)]
        await held.chats(1)
        await waiting(app, 2)
        calls += [call(app, f"ann {number}", "user=Ann") for number in range(2)]
        # The second place is not for the batch.
        await held.chats(2)
        held.let_go(10)
        await asyncio.gather(*calls)
        assert sorted(held.prompts[:2]) == sorted([next(p for p in held.prompts if p.startswith("night")), "ann 0"])
        batch = [request for request in held.ollama.requests if b"night" in request.body_start]
        assert batch
        assert all(json.loads(request.body)["truncate"] is False for request in batch)
