"""The rules of the house, read from its files: who may import whom, what is tested, what is documented."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import TABLE
from tests.configuration import env_example

PROJECT = Path(__file__).parents[2]
SERVICE = PROJECT / "service"
MODULES = {
    ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SERVICE.rglob("*.py"))
}
LONGEST_FILE = 320
NAMES_THAT_SAY_NOTHING = {"util", "utils", "helper", "helpers", "manager", "common", "base", "core", "factory", "misc"}

# What each room may import of ours, beside itself, events and JSON. `service` alone is the version.
MAY_IMPORT = {
    "service.settings": {"service.setting_values", "service.data_folder"},
    # Where a journal is, it is gone on with.
    "service.data_folder": {"service.journal.folder"},
    "service.event_log": set[str](),
    "service.json_writing": set[str](),
    "service.events": {
        "service.event_log",
        "service.upstream_events",
        "service.privacy_events",
        "service.index_events",
    },
    "service.upstream_events": set[str](),
    "service.index_events": set[str](),
    "service.privacy_events": set[str](),
    # Records and events tell times in one form.
    "service.logs": {"service.record.timestamps"},
    # What could not be looked at in time is told.
    "service.record": {"service.privacy_events"},
    # It is read at once where its contents are understood.
    "service.file_of_setting": set[str](),
    "service.gateway": {
        *("service.file_of_setting", "service.loaded_late"),
        *("service.record.exchange", "service.record.span_ids", "service.record.operations"),
        # POST /generate reads a body, and Ollama's answer as it streams in.
        *("service.record.json_body", "service.record.json_text", "service.record.streamed"),
        # By what n8n is known, and names as records have them.
        *("service.record.n8n_marks", "service.record.surrogates"),
        # What Ollama tells of its models.
        *("service.record.model_facts", "service.record.vocabulary"),
    },
    # What calls have to pass before they go to Ollama: it refuses as the gateway does, and counts what was recorded.
    "service.sharing": {
        *("service.record", "service.journal", "service.gateway.error_responses", "service.gateway.upstream"),
    },
    # Which of several Ollamas a call goes to: it waits for a place there as the queue has it.
    "service.upstreams": {
        *("service.record", "service.sharing", "service.gateway.error_responses", "service.gateway.upstream"),
        *("service.gateway.whole_answer", "service.upstream_events"),
    },
    "service.journal": {"service.record"},
    "service.energy": {"service.record"},
    "service.search": {"service.record", "service.journal", "service.index_events"},
    # The records of all recorders: the index decides here as it does beside the journal.
    "service.loki_search": {"service.record", "service.journal", "service.search", "service.shipping.asking"},
    # Other recorders are asked as receivers are.
    "service.peers": {"service.file_of_setting", "service.journal.folder", "service.shipping.asking"},
    "service.exports": {"service.record", "service.journal.reader"},
    # Each receiver reads its own settings, so that a further one is a folder and a line.
    "service.shipping": {"service.record", "service.journal", "service.settings", "service.setting_values"},
    # What the index and the parts tell is compared with limits; the parts are asked where they meet.
    "service.alerting": {"service.record", "service.search", "service.journal"},
    "service.setting_values": set[str](),
    # A file that a setting names, whatever is in it.
    "service.settings_file": {"service.settings", "service.file_of_setting"},
    # For readers of a page, and as a command.
    "service.reporting": {"service.record", "service.search"},
    "service.inspector": {
        *("service.record", "service.journal", "service.search", "service.exports", "service.reporting"),
        *("service.loki_search", "service.peers", "service.privacy_events"),
        # Who leaves ends what is being asked for them.
        "service.shipping.asking",
    },
    # The door between a request and the rooms that answer it.
    "service.dispatch": {"service.gateway", "service.inspector", "service.polled"},
    # A door without aiohttp, for those who look again and again.
    "service.polled": {"service.gateway", "service.inspector", "service.journal"},
    "service.loaded_late": set[str](),
    "service.guarded_command": set[str](),
    # Files that settings name become what the gateway asks for.
    "service.background_tasks": set[str](),
    "service.reloading": {"service.settings", "service.gateway.admission"},
}
WHERE_THE_PARTS_MEET = {
    *("service.app", "service.status", "service.gateway_setup", "service.inspector_setup", "service.ollama_setup"),
    *("service.conversations_setup", "service.record_making", "service.late_inspector"),
    *("service.serve_process", "service.settings_at_start"),
    *("service.masks_setup", "service.mcp_over_http"),
    *("service.cli", "service.__main__"),
}

# Modules whose behaviour shows only together with others, and the file that shows it.
TESTED_ELSEWHERE: dict[str, str] = {
    "service.status": "tests/test_app.py",
    "service.gateway_setup": "tests/test_app.py",
    "service.ollama_setup": "tests/upstreams/test_several.py",
    "service.masks_setup": "tests/integration/test_own_masks.py",
    "service.record_making": "tests/integration/test_energy.py",
    "service.event_log": "tests/test_events.py",
    "service.upstream_events": "tests/test_events.py",
    "service.index_events": "tests/test_events.py",
    "service.privacy_events": "tests/test_events.py",
    "service.inspector_setup": "tests/test_app.py",
    "service.journal.parked_records": "tests/journal/test_reader.py",
    "service.inspector.client": "tests/inspector/test_pages.py",
    "service.inspector.private_headers": "tests/inspector/test_pages.py",
    "service.inspector.providers": "tests/inspector/test_pages.py",
    "service.inspector.responses": "tests/inspector/test_pages.py",
    "service.inspector.sign_in": "tests/inspector/test_pages.py",
    "service.__main__": "tests/test_cli.py",
    "service.cli.serving": "tests/test_cli.py",
    "service.serve_process": "tests/cli/test_serving.py",
    "service.guarded_command": "tests/test_cli.py",
    "service.cli.about": "tests/test_cli.py",
    "service.search.matching": "tests/search/test_search.py",
}


def imported(path: Path) -> Iterator[str]:
    """The full names of all that a module imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(name: str, room: str) -> bool:
    """Whether ``name`` is ``room`` or something inside it."""
    return name == room or name.startswith(room + ".")


def is_where_the_parts_meet(module: str) -> bool:
    """Whether a module is one of those that wire, or in a room of such."""
    return any(is_within(module, room) for room in WHERE_THE_PARTS_MEET)


@pytest.mark.parametrize("module", [name for name in MODULES if not is_where_the_parts_meet(name)])
def test_a_module_imports_only_what_its_room_may(module: str) -> None:
    room = next((room for room in MAY_IMPORT if is_within(module, room)), module)
    allowed = {room, "service.events", "service.json_writing", *MAY_IMPORT.get(room, ())}
    ours = {name for name in imported(MODULES[module]) if name.startswith("service.")}
    assert not {name for name in ours if not any(is_within(name, one) for one in allowed)}


def test_every_room_is_in_the_table() -> None:
    rooms = {name for name in MODULES if name.count(".") == 1}
    assert rooms - WHERE_THE_PARTS_MEET == MAY_IMPORT.keys()


def test_every_module_has_its_test_file() -> None:
    without = []
    for module, path in MODULES.items():
        *rooms, name = module.split(".")[1:] or [""]
        expected = TESTED_ELSEWHERE.get(module) or "/".join(["tests", *rooms, f"test_{name}.py"])
        if path.name != "__init__.py" and not (PROJECT / expected).is_file():
            without.append(f"{module}: {expected}")
    assert not without


@pytest.mark.parametrize("module", MODULES)
def test_a_module_holds_one_subject(module: str) -> None:
    text = MODULES[module].read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    assert not NAMES_THAT_SAY_NOTHING & set(module.split("."))
    assert not text or ast.get_docstring(ast.parse(text))


def test_only_three_exceptions_are_our_own() -> None:
    ours = set()
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and any(
                isinstance(base, ast.Name) and base.id.endswith(("Error", "Exception")) for base in node.bases
            ):
                ours.add(node.name)
    assert ours == {"SettingsError", "JournalError", "LokiError"}


def test_every_setting_has_its_row_in_the_page_of_settings() -> None:
    page = (PROJECT / "docs" / "settings.md").read_text()
    names = [variable.name for variable in TABLE.values()] + [one.name for one in env_example.STACK_VARIABLES]
    assert not [name for name in names if not re.search(rf"^\| `{name}` \|[^|\n]+\|[^|\n]+\|$", page, re.MULTILINE)]


def test_the_readme_leads_to_the_page_of_settings() -> None:
    assert "(docs/settings.md)" in (PROJECT / "README.md").read_text()


def project_files() -> list[Path]:
    """What is or will be committed: all files that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [PROJECT / name for name in listed.stdout.splitlines() if (PROJECT / name).is_file()]


def test_no_file_says_where_packages_come_from_or_where_this_checkout_lies() -> None:
    # Written in two parts, so that this file does not name them.
    hosts = [
        "pypi." + "org",
        "pythonhosted." + "org",
        "registry.npmjs." + "org",
        "proxy.golang." + "org",
        "deb.debian." + "org",
    ]
    found = [
        f"{path.relative_to(PROJECT)}: {word}"
        for path in project_files()
        for word in [*hosts, f"{PROJECT}/"]
        if word.encode() in path.read_bytes()
    ]
    assert not found


def test_npm_locks_name_versions_and_hashes_but_no_addresses() -> None:
    for lock in (path for path in project_files() if path.name == "package-lock.json"):
        assert '"resolved"' not in lock.read_text()
        assert '"integrity": "sha512-' in lock.read_text()


@pytest.mark.parametrize("lock", ["run", "dev", "build"])
def test_every_locked_package_has_hashes(lock: str) -> None:
    text = (PROJECT / "requirements" / f"{lock}.txt").read_text()
    packages = re.split(r"\n(?=\S)", text.strip())
    assert packages
    assert not [package for package in packages if "==" not in package or "--hash=sha256:" not in package]
    assert "--index-url" not in text
    assert "--find-links" not in text


def test_what_the_recorder_needs_is_locked_alike_for_users_and_for_tests() -> None:
    def versions(lock: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (PROJECT / "requirements" / f"{lock}.txt").read_text(), re.MULTILINE))

    assert versions("run") <= versions("dev")


def test_make_explains_each_of_its_commands() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for command in ("run", "test", "test-all", "servers", "bench", "lint", "lock", "written"):
        assert re.search(rf"^{command}:.* ## \S", makefile, re.MULTILINE), command
