"""The page's own files."""

import pytest

from service.inspector.assets import FOLDER, serve_asset


@pytest.mark.parametrize("file", sorted(path.name for path in FOLDER.iterdir()))
def test_every_file_of_the_page_is_served_as_what_it_is_and_kept_until_it_changes(file: str) -> None:
    first = serve_asset(file, {})
    assert first.status == 200
    assert first.body == (FOLDER / file).read_bytes()
    assert first.content_type in ("text/html", "text/css", "text/javascript", "image/svg+xml")
    assert "default-src 'none'" in first.headers["Content-Security-Policy"]
    assert serve_asset(file, {"If-None-Match": first.headers["ETag"]}).status == 304


@pytest.mark.parametrize("name", ["", ".", "..", "../pages.py", "%2e%2e/pages.py", "index.html/", "/etc/passwd", "\0"])
def test_nothing_else_is_reached(name: str) -> None:
    assert serve_asset(name, {}).status == 404
