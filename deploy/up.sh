#!/bin/sh
# Starts the Docker stack: writes .env with random passwords if there is none, then docker compose up.
#
#   deploy/up.sh               what .env says
#   PROFILES=n8n,ollama ...    with these profiles, in a new .env
#   WAIT_SECONDS=300 ...       how long NGINX may take to answer; 120 unless this says otherwise
set -eu
cd "$(dirname "$0")/.."
profiles=${PROFILES:-}
wait_seconds=${WAIT_SECONDS:-120}

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# 32 hexadecimal digits: nothing that a shell, Compose or a header would read differently.
random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

setting() { sed -n "s/^$1=//p" .env | tail -n 1 | tr -d "'\""; }

write_env() {
    case ,$profiles, in *,ollama,*|*,ollama-gpu,*) inside=http://ollama:11434 ;; *) inside= ;; esac
    (
        umask 077
        {
            say "# Written by make up, for docker compose; make run reads it too. All settings: .env.example"
            say "GRAFANA_PASSWORD=$(random)"
            say "INSPECTOR_TOKEN=$(random)"
            if [ -n "$profiles" ]; then say "COMPOSE_PROFILES=$profiles"; fi
            if [ -n "$inside" ]; then say "OLLAMA_URL=$inside"; fi
        } >.env.new
    )
    mv .env.new .env
}

case $wait_seconds in "" | *[!0-9]*) fail "WAIT_SECONDS=$wait_seconds: expected are seconds, for instance 300." ;; esac
for profile in $(say "$profiles" | tr ',' ' '); do
    case $profile in
        n8n | webui | ollama | ollama-gpu) ;;
        *) fail "There is no profile $profile: expected n8n, webui, ollama or ollama-gpu, separated by commas." ;;
    esac
done

command -v docker >/dev/null 2>&1 ||
    fail "The stack needs Docker, which is not here: https://docs.docker.com/engine/install/
Without it, make run starts the recorder alone."
# Whether version $1 is $2.$3 or newer; one that is no number counts as newer.
is_at_least() {
    major=${1%%.*} rest=${1#*.}
    minor=${rest%%[!0-9]*}
    case $major,$minor in *[!0-9,]* | ,* | *,) return 0 ;; esac
    [ "$major" -gt "$2" ] || { [ "$major" -eq "$2" ] && [ "$minor" -ge "$3" ]; }
}

compose=$(docker compose version --short 2>/dev/null) || compose=
is_at_least "${compose#v}" 2 24 && [ -n "$compose" ] ||
    fail "The stack needs Docker Compose 2.24 or newer, and docker compose ${compose:-does not work} here:
https://docs.docker.com/compose/install/"
docker info >/dev/null 2>&1 ||
    fail "Docker does not answer. Is it running, and may you use it? Try: docker info"

if [ ! -e .env ]; then
    write_env
    say "Wrote .env with random passwords. Nothing overwrites it."
elif [ -n "$profiles" ] && [ "$profiles" != "$(setting COMPOSE_PROFILES)" ]; then
    fail "There is a .env already, and it stays as it is. Put this line into it and run make up again:
COMPOSE_PROFILES=$profiles
With ollama or ollama-gpu also: OLLAMA_URL=http://ollama:11434"
fi
for name in GRAFANA_PASSWORD INSPECTOR_TOKEN; do
    [ -n "$(setting $name)" ] || fail ".env has no $name. Put this line into it and run make up again:
$name=$(random)"
done

days=${RETENTION_DAYS:-$(setting RETENTION_DAYS)}
days=${days%%[ #]*}
case ${days:-30} in
    0* | *[!0-9]*) fail "RETENTION_DAYS=$days: the stack needs whole days, 1 or more. Loki knows no parts of days." ;;
esac

docker compose up --detach --build ||
    fail "Docker could not start the stack; the lines above say why. A port that is taken: another program, or another
recorder, listens on 8080, 3000, 5678 or 3001 of this machine."

# What NGINX answers here, the recorder behind it has answered.
answers() {
    docker compose exec -T nginx wget -q -T 2 -O /dev/null http://127.0.0.1:80/healthz </dev/null >/dev/null 2>&1
}
end=$(($(date +%s) + wait_seconds)) told=
until answers; do
    left=$((end - $(date +%s)))
    if [ "$left" -le 0 ]; then
        docker compose ps --all >&2 || :
        docker compose logs --no-color --tail 10 recorder nginx >&2 || :
        fail "
NGINX has not answered for $wait_seconds s. The lines above tell how each service is, and what recorder and NGINX wrote last.
docker compose logs NAME shows more. make up may be run again, and WAIT_SECONDS=300 make up waits longer."
    fi
    [ "$left" -gt "$((${told:-$((left + 5))} - 5))" ] || { say "Waiting until NGINX answers, $left s at most"; told=$left; }
    sleep 1
done

say
say "Started: NGINX and the recorder answer. docker compose ps shows what else is healthy already."
say "Ollama, recorded   http://localhost:8080/api/ollama"
say "The page           http://localhost:8080   asks for INSPECTOR_TOKEN, which is in .env"
say "Grafana            http://localhost:3000   user admin, password: GRAFANA_PASSWORD in .env"
case ,$(setting COMPOSE_PROFILES), in *,n8n,*) say "n8n                http://localhost:5678" ;; esac
case ,$(setting COMPOSE_PROFILES), in *,webui,*) say "Open WebUI         http://localhost:3001" ;; esac
case ,$(setting COMPOSE_PROFILES), in
    *,ollama,*) say "A model            docker compose exec ollama ollama pull llama3.2" ;;
    *,ollama-gpu,*) say "A model            docker compose exec ollama-gpu ollama pull llama3.2" ;;
esac
