"""The page in a real Chromium: as a whole in light and dark, and the part that answers each question."""

from typing import Any, Literal
from urllib.parse import urlencode

from playwright.async_api import Browser, Locator, Page, expect

from tests.pictures.demo import Demo
from tests.pictures.png import with_few_colours

WHOLE = (1180, 760)
# Wide enough for the list beside an exchange; a part of it is 640 to 700 pixels wide.
PARTS = (1280, 1400)
_MARGIN = 12


async def pictures(browser: Browser, demo: Demo) -> dict[str, bytes]:
    """Each picture's name and its PNG."""
    loading = demo.newest(node="Classify", slower="20")
    taken = {
        "page-light": await _whole(browser, demo, "light", loading),
        "page-dark": await _whole(browser, demo, "dark", loading),
        "why-slow": await _exchange(browser, demo, loading),
        "why-nonsense": await _exchange(browser, demo, demo.newest(truncated="true")),
        "who-uses-it": await _overview(browser, demo, by="caller"),
        "which-model": await _overview(browser, demo, by="model"),
        "comparison": await _comparison(browser, demo, demo.newest(node="Summarise")),
    }
    demo.let_calls_fail()
    return taken | {"what-failed": await _failures(browser, demo)}


async def _whole(browser: Browser, demo: Demo, scheme: Literal["light", "dark"], exchange: str) -> bytes:
    page = await _opened(browser, demo, WHOLE, 1, scheme, show=exchange)
    await expect(page.get_by_role("button", name="Replay …")).to_be_visible()
    return await _taken(page)


async def _exchange(browser: Browser, demo: Demo, exchange: str) -> bytes:
    """An exchange down to its phases, without the conversation."""
    page = await _opened(browser, demo, PARTS, 2, show=exchange)
    return await _taken(page, page.get_by_role("article", name="Exchange"), until=page.get_by_text("Replay …"))


async def _overview(browser: Browser, demo: Demo, by: str) -> bytes:
    page = await _opened(browser, demo, PARTS, 2, by=by)
    overview = page.get_by_role("region", name="Overview")
    await expect(overview.get_by_role("row").nth(3)).to_be_visible()
    return await _taken(page, overview, until=overview.locator(".keys"))


async def _failures(browser: Browser, demo: Demo) -> bytes:
    page = await _opened(browser, demo, PARTS, 2, failed="true")
    rows = page.get_by_role("listbox").get_by_role("option")
    return await _taken(page, page.get_by_role("region", name="Exchanges"), until=rows.nth(4))


async def _comparison(browser: Browser, demo: Demo, exchange: str) -> bytes:
    """The prompt of an exchange, asked of another model."""
    page = await _opened(browser, demo, (1280, 2000), 2, show=exchange)
    await page.get_by_role("button", name="Replay …").click()
    await page.get_by_label("Model", exact=True).fill("mistral:7b")
    await page.get_by_role("button", name="Replay", exact=True).click()
    comparison = page.get_by_role("region", name="Comparison of both answers")
    await expect(comparison).to_be_visible(timeout=30_000)
    return await _taken(page, comparison)


async def _opened(
    browser: Browser,
    demo: Demo,
    size: tuple[int, int],
    scale: int,
    scheme: Literal["light", "dark"] = "light",
    **view: str,
) -> Page:
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        device_scale_factor=scale,
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="en-GB",
    )
    page = await context.new_page()
    await page.goto(f"{demo.url}/?{urlencode(view)}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("live")
    await expect(page.get_by_role("listbox").get_by_role("option").first).to_be_visible()
    return page


async def _taken(page: Page, part: Locator | None = None, until: Locator | None = None) -> bytes:
    """The window, or a part of it: all of ``part``, or its beginning down to ``until``."""
    await page.evaluate("document.fonts.ready")
    options: dict[str, Any] = {}
    if part is not None:
        if until is not None:
            await expect(until).to_be_visible()
        box = await part.bounding_box()
        end = await until.bounding_box() if until is not None else None
        assert box is not None
        margin = 0 if end else _MARGIN
        bottom = end["y"] - 4 if end else box["y"] + box["height"]
        options["clip"] = {
            "x": box["x"] - margin,
            "y": box["y"] - margin,
            "width": box["width"] + 2 * margin,
            "height": bottom - box["y"] + margin,
        }
    picture = await page.screenshot(animations="disabled", caret="hide", **options)
    small = await with_few_colours(page, picture)
    await page.context.close()
    return small
