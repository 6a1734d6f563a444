"""The real NGINX with the configuration that is shipped, rendered as its container image does it."""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.servers.process import RunningServer, require, running

SHIPPED = Path(__file__).parents[2] / "nginx"


@contextlib.contextmanager
def running_nginx(folder: Path, recorder: str, **environment: str) -> Iterator[RunningServer]:
    """Start NGINX in front of ``recorder`` (``host:port``).

    ``environment`` is what the container would be given beside ``RECORDER``: ``OLLAMA_TIMEOUT``, and
    ``NGINX_LOCAL_RESOLVERS`` for a name server of the test.
    """
    program = require("nginx", "apt-get install nginx")
    given = {"RECORDER": recorder, "NGINX_LOCAL_RESOLVERS": "127.0.0.1", **environment}
    site = rendered((SHIPPED / "proxy.conf.template").read_text(), given)
    (folder / "conf.d").mkdir(parents=True)

    def command(port: int) -> list[str | Path]:
        frame = (SHIPPED / "nginx.conf").read_text().replace("/tmp/", f"{folder}/")
        (folder / "nginx.conf").write_text(frame)
        listening = re.sub(r"\blisten 80\b", f"listen 127.0.0.1:{port}", site)
        # Readiness is NGINX's own: what is behind it may be absent on purpose.
        ready = f"server {{ listen 127.0.0.1:{port}; server_name ready; access_log off; return 204; }}\n"
        (folder / "conf.d" / "proxy.conf").write_text(listening + ready)
        return [program, "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;"]

    with running(command, folder=folder, ready="/", headers={"Host": "ready"}) as server:
        yield server


def rendered(template: str, environment: Mapping[str, str]) -> str:
    """``template`` as the image renders it: our script is sourced, then envsubst replaces defined names only."""
    script = SHIPPED / "18-timeouts.envsh"
    sourced = subprocess.run(
        ["/bin/sh", "-euc", f'. "{script}"; exec env -0'],
        env={"PATH": os.environ.get("PATH", os.defpath), **environment},
        capture_output=True,
        check=False,
    )
    if sourced.returncode:
        raise ValueError(sourced.stderr.decode())
    defined = dict(line.split("=", 1) for line in sourced.stdout.decode().split("\0") if line)
    return re.sub(
        r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))",
        lambda found: defined.get(found[1] or found[2], found[0]),
        template,
    )
