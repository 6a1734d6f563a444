"""The way into n8n's own editor, for whoever takes its picture."""

from playwright.async_api import Page

from tests.servers.n8n import OWNER


async def sign_in(page: Page, url: str) -> None:
    """Sign in as the owner of the n8n at ``url``; it shows its home then."""
    await page.goto(f"{url}/signin")
    await page.get_by_label("Email").fill(OWNER["email"])
    await page.get_by_label("Password").fill(OWNER["password"])
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/home/**")
