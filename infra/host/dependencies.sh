#!/usr/bin/env bash
# Installs the exact dependencies of package-lock.json, and only where they are not installed yet.
set -euo pipefail
cd "$(dirname "$0")/../.."
mark=node_modules/.megabot-lock
if [ ! -f "$mark" ] || ! cmp -s package-lock.json "$mark"; then
  echo 'installing dependencies' >&2
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json "$mark"
fi
