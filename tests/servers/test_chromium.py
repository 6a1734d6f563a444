from playwright.async_api import Browser


async def test_a_real_browser_shows_a_page(browser: Browser) -> None:
    page = await browser.new_page()
    await page.set_content("<h1>Seen</h1>")
    assert await page.get_by_role("heading").inner_text() == "Seen"
