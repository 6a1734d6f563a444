"""Answers as Markdown on a switch: readable, remembered, and no way in for what somebody writes."""

import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Request, expect

from service.app import App
from tests.fakes.ollama import FakeOllama, answer, whole
from tests.page.hostile import PAYLOADS, RAN
from tests.page.opened import PHONE, answered, as_json, opened, shown
from tests.running_app import ask, running

ANSWER = """# Two ways

Use **bold** and `code`, see [the guide](https://example.com/guide).

1. first
2. second
   - nested

| name | count |
|:-----|------:|
| a | 12 |

> quoted

```python
print("<b>hi</b>")
```

```json
{"id":12345678901234567890,"x":[1.0]}
```

![a chart](https://example.com/chart.png)
"""
OF_MARKDOWN = (
    f"[x](javascript:{RAN})",
    f"[x](JaVaScRiPt:{RAN})",
    f"[x](java&#x73;cript:{RAN})",
    f"[x](&#106;avascript:{RAN})",
    f"[x]( javascript:{RAN} )",
    f"[x](<java\tscript:{RAN}>)",
    f"[x](vbscript:{RAN})",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    f"[x](data:image/svg+xml,<svg/onload={RAN}>)",
    f"<javascript:{RAN}>",
    f"[x]: javascript:{RAN}\n\n[x]",
    f'[x](https://example.com "onmouseover={RAN}")',
    f'[x](https://example.com/" onmouseover="{RAN})',
    "[x](//example.com/x)",
    "[x](/exchanges.json)",
    "[x](?show=0)",
    "[x](#erase)",
    "[x](file:///etc/passwd)",
    "[x](blob:null/x)",
    "[https://example.com](https://example.org/elsewhere)",
    "![x](http://127.0.0.1:9/x.png)",
    f"![x](javascript:{RAN})",
    "![x](data:image/svg+xml;base64,PHN2Zy8+)",
    f'![x](x "onerror={RAN}")',
    f'![" onerror="{RAN}](x)',
    "[![x](http://127.0.0.1:9/x.png)](https://example.com)",
    f"<!-- {RAN} --><!-- <img src=x onerror={RAN}> -->",
    f"<div>\n\n<img src=x onerror={RAN}>\n\n</div>",
    f"> - # <img src=x onerror={RAN}>\n>   1. <svg onload={RAN}>",
    f"| <img src=x onerror={RAN}> |\n|:-:|\n| [x](javascript:{RAN}) |",
    f"```<img src=x onerror={RAN}>\n</code></pre><script>{RAN}</script>\n```",
    f"`</code><script>{RAN}</script>`",
    f"<https://example.com/?x=<script>{RAN}</script>>",
    "<someone@example.com>",
    ">" * 3000 + " deep",
    "*" * 3000 + "a" + "*" * 3000,
    "[" * 3000 + "](x)",
)
ELEMENTS = {
    *("P", "UL", "OL", "LI", "BLOCKQUOTE", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD", "EM", "STRONG", "S", "A"),
    *("H4", "H5", "H6", "HR", "PRE", "CODE", "SPAN", "BDI"),
}
ATTRIBUTES = {"class", "dir", "href", "title", "target", "rel", "start", "tabindex"}
MADE = """
[...document.querySelectorAll(".markdown *")].map((made) => [
  made.tagName, Object.fromEntries([...made.attributes].map(({ name, value }) => [name, value])),
])
"""


def note_address(asked: list[str], request: Request) -> None:
    asked.append(request.url)


async def told(app: App, text: str) -> str:
    """The id of an exchange with two answers: one of an earlier turn, and its own."""
    turns = [
        {"role": "user", "content": text},
        {"role": "assistant", "content": text},
        {"role": "user", "content": "?"},
    ]
    got = await ask(app, body=as_json(model="tiny", messages=turns, stream=False))
    return got.header("X-Exchange-Id") or ""


async def turn_on(page: Page) -> None:
    await shown(page).get_by_role("button", name="Markdown").click()
    await expect(shown(page).get_by_role("button", name="Markdown")).to_have_attribute("aria-pressed", "true")


async def test_an_answer_is_read_as_markdown_by_a_press_and_the_browser_keeps_it(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(answered(ANSWER))))
        identifier = await told(app, "plain **words**")
        async with opened(browser, app, f"/?show={identifier}") as page:
            last = shown(page).get_by_role("group", name="answer")
            # As it came: every sign of it, and code in a fixed face.
            assert ANSWER in (await last.text_content() or "")
            assert "mono" in await last.locator("code").first.evaluate("made => getComputedStyle(made).fontFamily")
            await turn_on(page)
            await expect(last.get_by_role("heading", name="Two ways")).to_be_visible()
            await expect(last.get_by_role("listitem")).to_have_count(3)
            await expect(last.get_by_role("cell", name="12")).to_have_css("text-align", "end")
            await expect(last.locator("pre").first).to_have_text('print("<b>hi</b>")')
            await expect(last.locator("pre").last).to_have_text(
                '{\n  "id": 12345678901234567890,\n  "x": [\n    1.0\n  ]\n}', use_inner_text=True
            )
            guide = last.get_by_role("link", name="the guide")
            await expect(guide).to_have_attribute("rel", "noopener noreferrer")
            await expect(last).to_contain_text("the guide (example.com)")
            await expect(last).to_contain_text("image: a chart")
            await expect(shown(page).get_by_role("group", name="assistant").locator("strong")).to_have_text("words")
            await expect(shown(page).get_by_role("group", name="user").first.locator("strong")).to_have_count(0)
            if folder := os.environ.get("SCREENSHOTS"):
                await last.screenshot(path=f"{folder}/markdown-light.png")
                await page.emulate_media(color_scheme="dark")
                await last.screenshot(path=f"{folder}/markdown-dark.png")
                await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
                await last.screenshot(path=f"{folder}/markdown-phone.png")
            await page.reload()
            await expect(last.get_by_role("heading", name="Two ways")).to_be_visible()
            await shown(page).get_by_role("button", name="Markdown").click()
            await expect(last.get_by_role("heading", name="Two ways")).to_have_count(0)
            await expect(last).to_contain_text("# Two ways")


async def test_json_is_laid_out_without_another_digit_and_copied_as_it_came(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        given = '{"total":12345678901234567890,"rate":1.0}'
        ollama.answers("/api/chat", answer(whole(answered(given))))
        identifier = await told(app, "?")
        async with opened(
            browser, app, f"/?show={identifier}", permissions=["clipboard-read", "clipboard-write"]
        ) as page:
            last = shown(page).get_by_role("group", name="answer")
            await expect(last).to_contain_text(
                '{\n  "total": 12345678901234567890,\n  "rate": 1.0\n}', use_inner_text=True
            )
            await last.get_by_role("button", name="Copy the answer").click()
            await expect(last.get_by_role("button", name="Copy the answer")).to_have_text("copied")
            assert await page.evaluate("navigator.clipboard.readText()") == given


async def test_what_is_searched_for_is_marked_in_markdown_and_in_code(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(answered("Take **lemon**.\n```\nlemon()\n```\nlemon"))))
        identifier = await told(app, "?")
        async with opened(browser, app, f"/?q=lemon&show={identifier}") as page:
            marks = "() => CSS.highlights.get('found')?.size === 3"
            await page.wait_for_function(marks)
            await turn_on(page)
            await page.wait_for_function(marks)


@pytest.mark.blocks("a hundred and fifty hostile texts pass through it to and from the browser")
async def test_hostile_markdown_makes_nothing_but_the_listed_elements_and_fetches_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(answered("\n\n".join(OF_MARKDOWN)))))
        first = await told(app, "\n\n".join(PAYLOADS))
        turns: list[dict[str, Any]] = []
        for text in (*OF_MARKDOWN, *PAYLOADS):
            turns += [{"role": "user", "content": "?"}, {"role": "assistant", "content": text}]
        got = await ask(app, body=as_json(model="tiny", messages=turns, stream=False))
        for identifier in (first, got.header("X-Exchange-Id")):
            async with opened(browser, app, f"/?show={identifier}") as page:
                asked: list[str] = []
                page.on("request", partial(note_address, asked))
                await turn_on(page)
                if identifier != first:
                    await shown(page).get_by_role("button", name=re.compile("turns in between")).click()
                    await expect(shown(page).locator(".turn.assistant .markdown")).to_have_count(len(turns) // 2 + 1)
                made: list[tuple[str, dict[str, str]]] = await page.evaluate(MADE)
                assert len(made) > len(OF_MARKDOWN)
                assert {tag for tag, _ in made} <= ELEMENTS
                assert {name for _, attributes in made for name in attributes} <= ATTRIBUTES
                links = [attributes for tag, attributes in made if tag == "A" and attributes]
                assert links
                for attributes in links:
                    assert re.match("https?://|mailto:", attributes["href"])
                    assert (attributes["rel"], attributes["target"]) == ("noopener noreferrer", "_blank")
                assert await page.evaluate("[typeof window.__ran, location.pathname]") == ["undefined", "/"]
                ours = f"http://127.0.0.1:{app.port}/"
                assert [url for url in asked if not url.startswith(ours)] == []


async def test_words_that_name_another_site_than_they_lead_to_have_it_beside_them(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        texts = "[https://bank.example](https://other.example/x) and [a@b.example](mailto:c@d.example)"
        ollama.answers("/api/chat", answer(whole(answered(texts))))
        async with opened(browser, app, f"/?show={await told(app, '?')}") as page:
            await turn_on(page)
            last = shown(page).get_by_role("group", name="answer")
            await expect(last).to_contain_text("https://bank.example (other.example) and a@b.example (c@d.example)")
