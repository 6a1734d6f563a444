"""The recorder: does it run, is it the one of these settings and of this version, what does it say of itself."""

import fcntl
import json
import os
from typing import Any

import service
from service.cli.asking import ask, why
from service.cli.doctor.finding import Finding, State
from service.cli.environment import base_address
from service.journal.folder import LOCK
from service.settings import Settings

_ABOUT = "recorder"


def look_at_recorder(settings: Settings, url: str = "") -> list[Finding]:
    """Findings about the recorder at ``url`` (empty: where LISTEN says) and about who holds DATA_DIR."""
    base = base_address(settings, url)
    holder = holder_of(settings)
    try:
        alive = ask(f"{base}/healthz")
    except OSError as error:
        return [_absent(base, holder, error)]
    if alive.status != 200 or alive.body.strip() != b"ok":
        return [
            Finding(
                _ABOUT,
                State.PROBLEM,
                f"Something else than the recorder answers at {base} ({alive.status} for /healthz).",
                "Give the recorder another address with LISTEN, or stop that program.",
            )
        ]
    found = [*_versions(settings, base), *_readiness(base)]
    if holder is None:
        found.append(
            Finding(
                _ABOUT,
                State.PROBLEM,
                f"It runs, but nobody writes to DATA_DIR={str(settings.data_dir)!r}: it uses another folder.",
                "Start this command with the settings of the recorder, or in its container.",
            )
        )
    return found


def holder_of(settings: Settings) -> str | None:
    """Who holds DATA_DIR ("process 12 on host since …"); None when nobody does."""
    try:
        descriptor = os.open(settings.data_dir / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Shared, and given back at once: a recorder that starts at this moment would otherwise be turned away.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "an unknown process"
    finally:
        os.close(descriptor)
    return None


def _absent(base: str, holder: str | None, error: OSError) -> Finding:
    if holder is not None:
        return Finding(
            _ABOUT,
            State.PROBLEM,
            f"It runs ({holder}), but not at {base}: {why(error)}.",
            "Set LISTEN here to what it was started with, or say --url.",
        )
    return Finding(
        _ABOUT,
        State.PROBLEM,
        f"It does not run: nothing answers at {base} ({why(error)}).",
        "Start it: `make run`, `ollama-recorder serve`, or `make up` for Docker.",
    )


def _versions(settings: Settings, base: str) -> list[Finding]:
    headers = {"Authorization": f"Bearer {settings.inspector_token}"} if settings.inspector_token else {}
    status = _document(base, "/status.json", headers)
    theirs = status.get("version")
    if theirs is None:
        return [Finding(_ABOUT, State.GOOD, f"It answers at {base}.")]
    if theirs != service.__version__:
        return [
            Finding(
                _ABOUT,
                State.PROBLEM,
                f"Version {theirs} runs at {base}; this command is of version {service.__version__}.",
                "Start the recorder again with the newer one.",
            )
        ]
    return [Finding(_ABOUT, State.GOOD, f"Version {theirs} answers at {base}.")]


def _readiness(base: str) -> list[Finding]:
    degraded = _document(base, "/readyz", {}).get("degraded")
    if not isinstance(degraded, dict):
        return []
    # Ollama and Loki are asked here themselves, with advice; what is left is known to the recorder alone.
    return [
        Finding(_ABOUT, State.PROBLEM, f"It says of its {part}: {trouble}", "Its log says more.")
        for part, trouble in degraded.items()
        if part not in ("ollama", "loki")
    ]


def _document(base: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
    try:
        said = json.loads(ask(base + path, headers=headers).body)
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
