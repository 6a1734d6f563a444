"""``make up``, with a stand-in for docker: what it writes, what it says, and that it overwrites nothing."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
STAND_IN = """\
#!/bin/sh
if [ "$1 $2" = "compose version" ]; then echo "$COMPOSE"; else echo "docker $*"; fi
if [ "$1 $2" = "compose exec" ]; then
    echo >>"$ASKED"
    [ "$(sed -n '$=' "$ASKED")" -ge "$ANSWERS_AT" ]
    exit
fi
[ "$1 $2" != "$FAILS" ]
"""
Up = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def up(tmp_path: Path) -> Up:
    """Run the script in a project of its own. ``fails`` are the docker commands that fail, ``docker`` whether it is.

    NGINX answers the question number ``answers_at``. ``compose`` is what Compose says of its version.
    """
    (tmp_path / "deploy").mkdir()
    shutil.copy(PROJECT / "deploy" / "up.sh", tmp_path / "deploy")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "dirname", "od", "tr", "sed", "tail", "mv", "date", "sleep"):
        (programs / name).symlink_to(shutil.which(name) or name)

    def run(
        profiles: str = "",
        fails: str = "",
        docker: bool = True,
        answers_at: int = 1,
        compose: str = "2.24.0",
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        stand_in = programs / "docker"
        stand_in.unlink(missing_ok=True)
        if docker:
            stand_in.write_text(STAND_IN)
            stand_in.chmod(0o755)
        return subprocess.run(
            [tmp_path / "deploy" / "up.sh"],
            env={
                "PATH": str(programs),
                "PROFILES": profiles,
                "FAILS": fails,
                "COMPOSE": compose,
                "ANSWERS_AT": str(answers_at),
                "ASKED": str(tmp_path / "asked"),
                **environment,
            },
            cwd=os.sep,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def settings(tmp_path: Path) -> dict[str, str]:
    lines = (tmp_path / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_the_first_start_writes_random_passwords_for_the_owner_only(up: Up, tmp_path: Path) -> None:
    done = up()
    assert done.returncode == 0, done.stderr
    first = settings(tmp_path)
    assert first.keys() == {"GRAFANA_PASSWORD", "INSPECTOR_TOKEN"}
    assert all(re.fullmatch(r"[0-9a-f]{32}", value) for value in first.values())
    assert len(set(first.values())) == 2
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert "docker compose up --detach --build" in done.stdout
    assert "http://localhost:8080/api/ollama" in done.stdout
    assert "http://localhost:3000" in done.stdout
    assert not [value for value in first.values() if value in done.stdout]
    (tmp_path / ".env").unlink()
    up()
    assert settings(tmp_path) != first


def test_an_env_file_that_is_there_stays_as_it_is(up: Up, tmp_path: Path) -> None:
    mine = "GRAFANA_PASSWORD='mine'\nINSPECTOR_TOKEN=mine\nCOMPOSE_PROFILES=n8n,webui\n"
    (tmp_path / ".env").write_text(mine)
    done = up()
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".env").read_text() == mine
    assert "http://localhost:5678" in done.stdout
    assert "http://localhost:3001" in done.stdout
    other = up(profiles="ollama")
    assert other.returncode == 1
    assert "COMPOSE_PROFILES=ollama" in other.stderr
    assert (tmp_path / ".env").read_text() == mine


@pytest.mark.parametrize("missing", ["GRAFANA_PASSWORD", "INSPECTOR_TOKEN"])
def test_an_env_file_without_a_password_is_not_started_with(up: Up, tmp_path: Path, missing: str) -> None:
    lines = {"GRAFANA_PASSWORD": "mine", "INSPECTOR_TOKEN": "mine"} | {missing: ""}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    done = up()
    assert done.returncode == 1
    assert re.search(rf"\.env has no {missing}\..*\n{missing}=[0-9a-f]{{32}}\n", done.stderr)
    assert "compose up" not in done.stdout


def test_a_profile_with_its_own_ollama_points_the_recorder_at_it(up: Up, tmp_path: Path) -> None:
    done = up(profiles="n8n,ollama-gpu")
    assert done.returncode == 0, done.stderr
    written = settings(tmp_path)
    assert written["COMPOSE_PROFILES"] == "n8n,ollama-gpu"
    assert written["OLLAMA_URL"] == "http://ollama:11434"
    assert "docker compose exec ollama-gpu ollama pull" in done.stdout


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"docker": False}, "make run starts the recorder alone"),
        ({"fails": "compose version"}, "Docker Compose 2.24 or newer, and docker compose does not work"),
        ({"compose": "2.23.3"}, "Docker Compose 2.24 or newer, and docker compose 2.23.3 here"),
        ({"compose": "v2.9.0-ubuntu1"}, "Docker Compose 2.24 or newer, and docker compose v2.9.0-ubuntu1 here"),
        ({"compose": "1.29.2"}, "Docker Compose 2.24 or newer"),
        ({"WAIT_SECONDS": "soon"}, "WAIT_SECONDS=soon: expected are seconds"),
        ({"fails": "info "}, "Docker does not answer"),
        ({"profiles": "n8n,gpu"}, "There is no profile gpu"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_written(
    up: Up, tmp_path: Path, given: dict[str, str | bool], said: str
) -> None:
    done = up(**given)
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize(
    "version", ["2.24.0", "2.24.0-desktop.1", "v2.40.3", "3.0.0", "5.0.1", "dev", "2.30.0+ds1-0ubuntu1"]
)
def test_a_compose_that_is_new_enough_is_taken(up: Up, version: str) -> None:
    done = up(compose=version)
    assert done.returncode == 0, done.stderr


def test_it_comes_back_when_nginx_answers_and_says_what_it_waits_for(up: Up, tmp_path: Path) -> None:
    done = up(answers_at=3)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "asked").read_text().splitlines()) == 3
    waiting, started = done.stdout.index("Waiting until NGINX answers"), done.stdout.index("Started: NGINX")
    assert done.stdout.index("compose up") < waiting < started


def test_it_waits_for_so_long_and_then_shows_what_there_is_to_see(up: Up) -> None:
    done = up(answers_at=1000, WAIT_SECONDS="2")
    assert done.returncode == 1
    assert "NGINX has not answered for 2 s" in done.stderr
    assert "docker compose ps --all" in done.stderr
    assert "docker compose logs --no-color --tail 10 recorder nginx" in done.stderr
    assert "WAIT_SECONDS=300" in done.stderr
    assert "Started" not in done.stdout


def test_what_docker_could_not_start_is_not_waited_for(up: Up, tmp_path: Path) -> None:
    done = up(fails="compose up")
    assert done.returncode == 1
    assert "could not start" in done.stderr
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize(
    ("line", "is_taken"),
    [("", True), ("RETENTION_DAYS=", True), ("RETENTION_DAYS=7", True), ("RETENTION_DAYS='90' # a quarter", True)]
    + [(f"RETENTION_DAYS={value}", False) for value in ("0", "0.5", "1.5", "week", "-3", "007", "30d")],
)
def test_the_stack_takes_whole_days_only(up: Up, tmp_path: Path, line: str, is_taken: bool) -> None:
    (tmp_path / ".env").write_text(f"GRAFANA_PASSWORD=mine\nINSPECTOR_TOKEN=mine\n{line}\n")
    done = up()
    assert (done.returncode == 0, "whole days" in done.stderr) == (is_taken, not is_taken), done.stderr
    assert ("docker compose up" in done.stdout) is is_taken


def test_days_of_the_shell_count_as_they_do_for_compose(up: Up, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GRAFANA_PASSWORD=mine\nINSPECTOR_TOKEN=mine\nRETENTION_DAYS=0.5\n")
    assert up(RETENTION_DAYS="7").returncode == 0
    assert up(RETENTION_DAYS="1.5").returncode == 1
