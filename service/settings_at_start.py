"""All that is wrong with what a recorder would start with, told together: variables, their files, OTLP."""

from collections.abc import Callable, Mapping
from pathlib import Path

from service.gateway.admission import read_keys
from service.inspector.readers import read_readers
from service.peers.peer_answers import check_tokens
from service.record.mask_rules import read_masks
from service.settings import Settings, SettingsError, read_settings
from service.settings_file import SettingsFile
from service.sharing.limits import read_rules
from service.shipping.otlp.settings import find_endpoint, read_otlp_settings


def read_settings_at_start(environment: Mapping[str, str]) -> Settings:
    """As ``read_settings``. Raises SettingsError with a line for each mistake, those in files included. Blocks."""
    mistakes: list[str] = []
    settings = None
    try:
        settings = read_settings(environment)
    except SettingsError as wrong:
        mistakes.append(str(wrong))
    mistakes += _in_file("API_KEYS_FILE", environment, read_keys)
    mistakes += _in_toml("LIMITS_FILE", environment, read_rules)
    mistakes += _in_toml("MASK_FILE", environment, read_masks)
    mistakes += _in_toml("READERS_FILE", environment, read_readers)
    mistakes += _in_file("PEER_TOKENS_FILE", environment, check_tokens)
    endpoint = find_endpoint(environment)
    if endpoint is not None:
        try:
            read_otlp_settings(endpoint, environment)
        except SettingsError as wrong:
            mistakes.append(str(wrong))
    if settings is None or mistakes:
        raise SettingsError("\n".join(mistakes))
    return settings


def _in_toml(variable: str, environment: Mapping[str, str], understand: Callable[[str], object]) -> list[str]:
    return _in_file(variable, environment, lambda path: SettingsFile(variable, path, understand).read())


def _in_file(variable: str, environment: Mapping[str, str], read: Callable[[Path], object]) -> list[str]:
    """What is wrong in the file that ``variable`` names. That there is none is told with the variables."""
    named = environment.get(variable, "").strip()
    if not named or not Path(named).is_file():
        return []
    try:
        read(Path(named))
    except (OSError, ValueError) as mistake:
        return [f"{variable}={named!r}: {mistake}"]
    return []
