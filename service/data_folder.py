"""Where the journal is when DATA_DIR does not say: beside the checkout, or in a folder of the user's own.

The places are those that each system names for data of programs: the XDG Base Directory Specification's on Linux,
``Application Support`` on macOS.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from service.journal.folder import JOURNAL

NAME: Final = "ollama-recorder"
_HERE: Final = Path("./data")
_OF_A_CHECKOUT: Final = ("pyproject.toml", "service/data_folder.py")


def default_data_dir(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """``./data`` in a checkout, and wherever a journal is in it; else the user's own folder.

    Without a home there is no such folder, and it is ``./data`` too.
    """
    is_checkout = all(Path(name).is_file() for name in _OF_A_CHECKOUT)
    if is_checkout or _is_there(_HERE / JOURNAL):
        return _HERE
    home = Path(environment.get("HOME", ""))
    own = home / "Library" / "Application Support"
    if platform != "darwin":
        # A relative path there is invalid, says the specification, and is to be passed over.
        named = Path(environment.get("XDG_DATA_HOME", ""))
        own = named if named.is_absolute() else home / ".local" / "share"
    return own / NAME if own.is_absolute() else _HERE


def _is_there(path: Path) -> bool:
    """Also where one may not look, somebody may well have put it."""
    try:
        return path.exists()
    except OSError:
        return True
