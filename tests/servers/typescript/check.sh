#!/usr/bin/env bash
# Checks the types that the page's JavaScript has in its comments. Without Node.js it says that it did not: an error only
# where REQUIRE_SERVERS is set. The first run installs TypeScript into .servers/typescript.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=tests/servers/typescript

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "The types of the page were not checked: Node.js and npm are not here. Install them with: apt-get install nodejs npm" >&2
    case ${REQUIRE_SERVERS:-} in '' | 0) exit 0 ;; *) exit 1 ;; esac
fi
tests/servers/build.sh typescript
.servers/typescript/node_modules/.bin/tsc --project "$here"
