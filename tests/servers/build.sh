#!/usr/bin/env bash
# Builds the real servers that tests use into .servers/, each once: again only when what it is built from changes.
#
#   tests/servers/build.sh                     all of them
#   tests/servers/build.sh loki ollama         these (loki, prometheus, ollama, model, javascript, typescript, clients,
#                                              astro, n8n, phoenix, mlflow)
#
# What a part needs stands in its build function, in lines that begin with need_. All of them are looked at before
# anything is built, so that what is missing is named at once and not after ten minutes.
#
# PYTHON names a Python that has the development requirements (make sets it). SERVERS is the folder to build into,
# SYSROOT where usr/ begins; both are for the test of this script.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/servers
out=${SERVERS:-$PWD/.servers}
root=${SYSROOT:-}
python=${PYTHON:-.venv/bin/python}
PATH=$PATH:$root/usr/local/go/bin
mkdir -p "$out"

say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }

# A line each: what is missing and why it is needed, then a tab and the command that installs it.
missing=
is_missing() {
    case $'\n'$missing in *$'\n'"$1 is not here: "*) return 0 ;; esac
    missing+="$1 is not here: $2"$'\t'"$3"$'\n'
}

need_program() { command -v "$1" >/dev/null || is_missing "$1" "$2" "$3"; }

need_header() { [ -e "$root/usr/include/$1" ] || is_missing "$root/usr/include/$1" "Ollama's source needs it." "apt-get install $2"; }

need_package() { "$python" -c "import $1" 2>/dev/null || is_missing "The Python package $1" "$2" "make .venv/dev"; }

# is_built KEY NAME: whether NAME has already been built from what KEY is the sum of.
is_built() { [ -e "$out/$2" ] && [ "$(cat "$out/.$2.built" 2>/dev/null)" = "$1" ]; }

# key_of FILE... -- COMMAND: changes when one of the FILEs or the COMMAND does.
key_of() {
    local inputs=()
    while [ "$1" != -- ]; do inputs+=("$1"); shift; done
    (cat "${inputs[@]}"; declare -f "$2") | sha256sum
}

# look NAME FILE... -- COMMAND: note what COMMAND needs and this machine lacks, where it is to be run.
look() {
    local name=$1 line
    shift
    if is_built "$(key_of "$@")" "$name"; then return 0; fi
    need_program "$python" "it fetches packages and makes the model." "apt-get install python3-venv && make .venv/dev"
    # As bash prints a function, each of its commands stands on one line.
    while read -r line; do
        eval "$line"
        case $line in "need_program npm "*) need_program node "npm runs on it." "apt-get install nodejs" ;; esac
    done < <(declare -f "${@: -1}" | grep -E '^ *need_')
}

# once NAME FILE... -- COMMAND: run COMMAND unless it has already run with these FILEs and this COMMAND.
once() {
    local name=$1 key
    shift
    key=$(key_of "$@")
    if is_built "$key" "$name"; then
        say "$name is here"
        return
    fi
    rm -f "$out/.$name.built"
    local began=$SECONDS
    "${@: -1}"
    printf '%s\n' "$key" >"$out/.$name.built"
    say "$name is ready ($((SECONDS - began)) s)"
}

need_go() {
    need_program go "Go builds the servers (1.21 or newer; it fetches the version that go.mod names)." \
        "the archive of go.dev/dl, unpacked into /usr/local"
}

# build_go NAME PACKAGE OPTION...: the stripped binary of a tool that the module in NAME/ pins by go.mod and go.sum.
build_go() {
    say "building $1 (two to five minutes on two cores)"
    (cd "$here/$1" && go build -mod=readonly -ldflags='-s -w' -o "$out/$1.new" "${@:3}" "$2")
    mv "$out/$1.new" "$out/$1"
}

build_loki() {
    need_go
    build_go loki github.com/grafana/loki/v3/cmd/loki
}

build_prometheus() {
    need_go
    build_go prometheus github.com/prometheus/prometheus/cmd/prometheus -tags=remove_all_sd
}

build_ollama() {
    need_go
    need_program g++ "it compiles Ollama's inference code." "apt-get install g++"
    need_header nlohmann/json.hpp nlohmann-json3-dev
    need_header stb/stb_image.h libstb-dev
    # Ollama's module leaves out the header of its audio decoder; a Python package of that decoder ships it.
    local headers=$out/miniaudio
    if [ ! -e "$headers/miniaudio/miniaudio.h" ]; then
        say "fetching miniaudio.h"
        rm -rf "$headers"
        mkdir -p "$headers"
        "$python" -m pip download --quiet --no-deps --no-binary :all: --require-hashes \
            -r "$here/ollama/miniaudio.txt" --dest "$headers"
        tar -xzf "$headers"/miniaudio-*.tar.gz -C "$headers" --strip-components 1
    fi
    CGO_CPPFLAGS="-I$headers -I/usr/include" CGO_CXXFLAGS="-O2 -w" CGO_CFLAGS="-O2 -w" \
        build_go ollama github.com/ollama/ollama
}

build_model() {
    need_package gguf "it writes the model's file."
    "$python" "$here/tiny_model.py" "$out/tiny.gguf"
}

build_javascript() {
    need_program npm "it installs Ollama's JavaScript client." "apt-get install npm"
    mkdir -p "$out/javascript"
    cp "$here/js/package.json" "$here/js/package-lock.json" "$out/javascript/"
    (cd "$out/javascript" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
}

build_typescript() {
    need_program npm "it installs TypeScript." "apt-get install npm"
    mkdir -p "$out/typescript"
    cp "$here/typescript/package.json" "$here/typescript/package-lock.json" "$out/typescript/"
    (cd "$out/typescript" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
}

# install_python NAME: what NAME/requirements.txt locks, in an environment of its own.
install_python() {
    "$python" -m uv venv --quiet --clear --python "$python" "$out/$1"
    "$python" -m uv pip install --quiet --require-hashes --only-binary :all: \
        --python "$out/$1/bin/python" -r "$here/$1/requirements.txt"
}

# In an environment of their own: LiteLLM wants an older openai than the project's tests.
build_clients() {
    say "installing LlamaIndex, LiteLLM and Anthropic's SDK (700 MB)"
    install_python clients
}

# Readers of spans, each in an environment of its own: their requirements exclude each other's.
build_phoenix() {
    say "installing Phoenix (620 MB)"
    install_python phoenix
}

build_mlflow() {
    say "installing MLflow (620 MB)"
    install_python mlflow
}

build_astro() {
    need_program npm "it installs what the Astro example needs." "apt-get install npm"
    mkdir -p "$out/astro"
    cp examples/astro/package.json "$here/astro/package-lock.json" "$out/astro/"
    (cd "$out/astro" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
}

build_n8n() {
    need_program npm "it installs n8n." "apt-get install npm"
    # Some of n8n's packages are compiled while they are installed. It needs a newer Node.js than most systems
    # have, and brings it as a package of its own.
    need_program g++ "it compiles n8n's SQLite." "apt-get install g++"
    need_program make "it compiles n8n's SQLite." "apt-get install make"
    say "installing n8n (about four minutes, 2.5 GB)"
    local new=$out/n8n.new
    rm -rf "$new"
    mkdir -p "$new"
    cp "$here/n8n/package.json" "$here/n8n/package-lock.json" "$new/"
    # Its packages' peer dependencies, as they declare them, cannot all be met at once.
    local install=(npm ci --legacy-peer-deps --omit=dev --no-audit --no-fund --loglevel=error)
    # Two thousand packages: one that did not come at once is worth a second try.
    (cd "$new" && export SCARF_ANALYTICS=false && { "${install[@]}" || "${install[@]}"; })
    (cd "$new/node_modules" && node/bin/node .bin/n8n --version)
    rm -rf "$out/n8n"
    mv "$new" "$out/n8n"
}

exec 9>"$out/.lock"
flock -n 9 || { say "waiting for another make servers"; flock 9; }

for part in "${@:-all}"; do
    case $part in loki | prometheus | ollama | model | javascript | typescript | clients | astro | n8n | phoenix | mlflow | all) ;; *) echo "unknown: $part" >&2; exit 2 ;; esac
done
wanted() { local part; for part in "${parts[@]}"; do [ "$part" = all ] || [ "$part" = "$1" ] && return 0; done; return 1; }
parts=("${@:-all}")

# each COMMAND: COMMAND NAME FILE... -- FUNCTION for each part that is wanted.
each() {
    if wanted model; then "$1" tiny.gguf "$here/tiny_model.py" -- build_model; fi
    if wanted javascript; then "$1" javascript "$here"/js/package*.json -- build_javascript; fi
    if wanted typescript; then "$1" typescript "$here"/typescript/package*.json -- build_typescript; fi
    if wanted clients; then "$1" clients "$here/clients/requirements.txt" -- build_clients; fi
    if wanted astro; then "$1" astro examples/astro/package.json "$here/astro/package-lock.json" -- build_astro; fi
    if wanted n8n; then "$1" n8n "$here"/n8n/package*.json -- build_n8n; fi
    if wanted phoenix; then "$1" phoenix "$here/phoenix/requirements.txt" -- build_phoenix; fi
    if wanted mlflow; then "$1" mlflow "$here/mlflow/requirements.txt" -- build_mlflow; fi
    if wanted loki; then "$1" loki "$here"/loki/go.* -- build_loki; fi
    if wanted prometheus; then "$1" prometheus "$here"/prometheus/go.* -- build_prometheus; fi
    if wanted ollama; then "$1" ollama "$here"/ollama/go.* "$here/ollama/miniaudio.txt" -- build_ollama; fi
}

each look
if [ -n "$missing" ]; then
    {
        printf '\nNothing was built: this machine lacks what the servers need.\n'
        while IFS=$'\t' read -r what how; do printf '  %s\n      Install it with: %s\n' "$what" "$how"; done
        printf 'Then run make servers again.\n'
    } <<<"${missing%$'\n'}" >&2
    exit 1
fi
each once
