#!/usr/bin/env bash
# Prints the folder of a Node.js 24 or newer; fetches one into .tools from npm where the system's is older.
set -euo pipefail
cd "$(dirname "$0")/../.."
new_enough() { [ "$("$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 24 ]; }
if command -v node >/dev/null 2>&1 && new_enough node; then dirname "$(command -v node)"; exit; fi
local_node=$PWD/.tools/node_modules/node/bin/node
if ! { [ -x "$local_node" ] && new_enough "$local_node"; }; then
  command -v npm >/dev/null 2>&1 || {
    echo 'make: this needs Node.js 24, or npm to fetch it; neither is here.' >&2
    echo '      Install Node.js 24 (or Docker, then the stack needs nothing else) and run the command again.' >&2
    exit 1
  }
  echo 'fetching Node.js 24 into .tools' >&2
  npm install --prefix .tools --no-audit --no-fund --loglevel=error node@24 >&2
fi
dirname "$local_node"
