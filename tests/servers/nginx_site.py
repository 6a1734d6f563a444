"""The real NGINX with a site's file that people put into conf.d, its addresses replaced by those of the test."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.servers.process import RunningServer, require, running

_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@contextlib.contextmanager
def running_site(folder: Path, site: Path, instead: Mapping[str, str]) -> Iterator[RunningServer]:
    """Start NGINX with ``site``, in which each text of ``instead`` is replaced; AssertionError when one is not there.

    Every ``listen 80`` becomes the port of the test.
    """
    program = require("nginx", "apt-get install nginx")
    folder.mkdir(parents=True, exist_ok=True)
    text = site.read_text()
    for shipped, here in instead.items():
        assert shipped in text, shipped
        text = text.replace(shipped, here)

    def command(port: int) -> list[str | Path]:
        places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in _TEMPORARY)
        listening = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
        ready = f"server {{ listen 127.0.0.1:{port}; server_name ready; return 204; }}\n"
        frame = f"pid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{places}{listening}{ready}}}\n"
        (folder / "nginx.conf").write_text(frame)
        return [program, "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;", "-e", "stderr"]

    with running(command, folder=folder, ready="/", headers={"Host": "ready"}) as server:
        yield server
