"""The page's own files."""

import pytest

from service.inspector.assets import FOLDER, serve_asset

FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file())


@pytest.mark.parametrize("file", FILES)
def test_every_file_of_the_page_is_served_as_what_it_is_and_kept_until_it_changes(file: str) -> None:
    first = serve_asset(file, {})
    assert first.status == 200
    assert first.body == (FOLDER / file).read_bytes()
    assert first.content_type in ("text/html", "text/css", "text/javascript", "text/plain", "image/svg+xml")
    assert "default-src 'none'" in first.headers["Content-Security-Policy"]
    assert serve_asset(file, {"If-None-Match": first.headers["ETag"]}).status == 304


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../pages.py", "%2e%2e/pages.py", "index.html/", "/etc/passwd", "\0"),
        *("state", "state/", "feed.js", "/state/feed.js", "state//feed.js", "state/../app.js", "state/../../pages.py"),
        *("./app.js", "state%2ffeed.js", "state\\feed.js", "view/feed.js"),
    ],
)
def test_nothing_else_is_reached(name: str) -> None:
    assert serve_asset(name, {}).status == 404


def test_each_folder_of_the_page_is_served() -> None:
    assert {file.split("/")[0] for file in FILES if "/" in file} == {"state", "text", "vendor", "view"}
    assert serve_asset("state/feed.js", {}).body == (FOLDER / "state" / "feed.js").read_bytes()
