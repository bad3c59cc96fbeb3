#!/usr/bin/env bash
# Runs MegaBot in one process, in the foreground, until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/../.."
. infra/host/lib.sh
node_dir=$(infra/host/node.sh)
export PATH=$node_dir:$PATH
infra/host/dependencies.sh
if [ ! -f services/ui/dist/index.html ] || [ -n "$(find services/ui/src services/ui/index.html services/ui/vite.config.ts -newer services/ui/dist/index.html -print -quit)" ]; then
  say 'building the UI'
  npm run build --workspace services/ui --silent >/dev/null
fi
set -a; [ ! -f "$home/.env" ] || while IFS='=' read -r name value; do
  case "$name" in MEGABOT_*|OPENCLAW_*|LOG_LEVEL|OTEL_*) [ -n "${!name+set}" ] || printf -v "$name" '%s' "$value" ;; esac
done < <(grep -E '^[A-Z_]+=' "$home/.env"); set +a
exec node --disable-warning=ExperimentalWarning --import ./libs/observability/src/tracing-preload.ts services/standalone/src/main.ts
