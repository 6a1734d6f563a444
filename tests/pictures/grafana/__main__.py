"""``python -m tests.pictures.grafana FOLDER``: a PNG of each dashboard, from a real Loki's and Prometheus' answers."""

import asyncio
import mimetypes
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Route

from tests.integration import test_drawn_metrics as metrics
from tests.integration import test_drawn_panels as records
from tests.integration.a_day import Day, a_day
from tests.integration.asked_loki import AS_OPENED
from tests.integration.grafana_frames import Frame, series_of_numbers
from tests.integration.grafana_queries import DASHBOARDS, with_variables
from tests.servers.chromium import running_chromium
from tests.servers.process import require
from tests.servers.prometheus import Prometheus

HERE = Path(__file__).parent
SHARED = Path(metrics.__file__).with_name("prepared_panels.cjs")
WIDTH = 1366  # pixels: a small screen
POINTS = 120  # of a line
SITE = "http://dashboards.invalid/"
"""An address that leads nowhere: every request is answered from the folder."""
PAGE = (
    '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="page.css"><body><script src="page.js"></script>'
)
BUNDLED = [
    "--bundle",
    "--outfile=page.js",
    "--jsx=automatic",
    "--log-level=warning",
    '--define:process.env.NODE_ENV="production"',
    *(f"--loader:.{kind}=dataurl" for kind in ("svg", "ttf", "woff2")),
]
Drawn = dict[str, list[dict[str, Any]]]
"""By the ``uid`` of a dashboard: its panels and their frames."""


def bundled(folder: Path) -> None:
    """Fetch Grafana's components into ``folder`` and make ``page.js`` of them there."""
    npm = require("npm", "apt-get install npm")
    for source in (*HERE.glob("package*.json"), HERE / "page.jsx", SHARED):
        shutil.copy(source, folder)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([npm, "ci", *quiet], cwd=folder, check=True, timeout=600)
    subprocess.run([folder / "node_modules/.bin/esbuild", "page.jsx", *BUNDLED], cwd=folder, check=True, timeout=120)
    (folder / "index.html").write_text(PAGE)


def asked(day: Day, folder: Path) -> Drawn:
    """Each panel of Loki and of the metrics of exchanges, with what a real server answers about ``day``."""
    drawn: Drawn = {uid: [] for uid in DASHBOARDS}
    with records.loki_of(day, folder / "loki") as loki:
        for uid, panel in records.OF_LOKI:
            drawn[uid].append({"panel": panel, "frames": records.frames_of(loki, uid, panel)})
    with metrics.prometheus_of(day, folder / "prometheus") as prometheus:
        for uid, panel in metrics.OF_METRICS:
            if panel["type"] != "heatmap":
                is_line = panel["type"] == "timeseries"
                frames = (lines_of if is_line else metrics.frames_of)(day, prometheus, panel)
                drawn[uid].append({"panel": panel, "frames": frames})
    for panels in drawn.values():
        panels.sort(key=lambda one: (one["panel"]["gridPos"]["y"], one["panel"]["gridPos"]["x"]))
    return {uid: panels for uid, panels in drawn.items() if panels}


def lines_of(day: Day, prometheus: Prometheus, panel: Mapping[str, Any]) -> list[Frame]:
    """The frames of a panel of lines; all of the day in one question, which is a subquery."""
    step = day.seconds // POINTS
    spans = {"__range": f"{day.seconds}s", "__rate_interval": f"{max(step, 4 * metrics.SCRAPED_EVERY)}s"}
    frames: list[Frame] = []
    for target in panel["targets"]:
        expr = with_variables(target["expr"], AS_OPENED | spans | {"instance": "drawn"})
        answer = prometheus.query(f"({expr})[{day.seconds}s:{step}s]", at=day.end)
        frames += series_of_numbers(target["refId"], answer, target.get("legendFormat", ""))
    return frames


async def picture(browser: Browser, folder: Path, day: Day, panels: list[dict[str, Any]]) -> bytes:
    """The PNG of one dashboard, all of it; an error of the page is an error here."""

    async def answer(route: Route) -> None:
        wanted = route.request.url.removeprefix(SITE)
        _, is_image, image = wanted.partition("build/img/")
        path = folder / "node_modules/@grafana/ui/dist/public/img" / image if is_image else folder / wanted
        if path.is_file():
            await route.fulfill(path=path, content_type=mimetypes.guess_type(path)[0] or "text/plain")
        else:
            await route.fulfill(status=404)

    page = await browser.new_page(
        viewport={"width": WIDTH, "height": 3000}, locale="en-GB", timezone_id="UTC", reduced_motion="reduce"
    )
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.route("**/*", answer)
    await page.goto(f"{SITE}index.html")
    given = {"begin": day.begin, "end": day.end, "width": WIDTH, "panels": panels}
    await page.evaluate("given => window.draw(given)", given)
    # Tables and icons come in several steps, and nothing tells of the last.
    await page.wait_for_timeout(2000)
    taken = await page.locator("body > div").first.screenshot(animations="disabled")
    await page.close()
    assert not errors, errors
    return taken


async def _take(target: Path, folder: Path) -> None:
    await asyncio.to_thread(bundled, folder)
    day = a_day(metrics.RECORDS, int(time.time()) // records.WINDOW * records.WINDOW)
    drawn = await asyncio.to_thread(asked, day, folder)
    async with running_chromium() as browser:
        for uid, panels in drawn.items():
            (target / f"{uid}.png").write_bytes(await picture(browser, folder, day, panels))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Name the folder of the pictures: python -m tests.pictures.grafana FOLDER")
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ollama-recorder-dashboards-") as temporary:
        try:
            asyncio.run(_take(Path(sys.argv[1]), Path(temporary)))
        except pytest.skip.Exception as absent:
            # What a test is skipped for is what is missing here.
            sys.exit(str(absent))
