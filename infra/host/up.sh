#!/usr/bin/env bash
# `make up`: first looks, without touching anything; then makes what is missing, builds, starts and waits.
set -euo pipefail
cd "$(dirname "$0")/../.."
. infra/host/lib.sh

# -- preflight: no impact yet
require_port MEGABOT_PORT 8000
require_port MEGABOT_UI_PORT 5173
require_port MEGABOT_WS_PORT 18790
token=$(setting MEGABOT_AUTH_TOKEN unset)
[ "${#token}" -ge 22 ] || [ "$token" = unset ] ||
  fail 'MEGABOT_AUTH_TOKEN is shorter than 22 characters.' 'Nothing was changed. Give a longer one, or none: then one is made.'

mode=$(setting MEGABOT_MODE '')
case "$mode" in
  '') if engine_answers; then mode=stack; else mode=standalone; fi; chosen=now ;;
  stack) engine_answers || fail 'the Docker engine does not answer, and this MegaBot lives in it (MEGABOT_MODE=stack in .env).' \
    'Your data is safe in its volumes. Start the engine (for instance `systemctl start docker`) and run `make up` again.' ;;
  standalone) ;;
  *) fail 'MEGABOT_MODE must be "stack" or "standalone".' 'Nothing was changed.' ;;
esac
if [ "$mode" = stack ]; then
  docker compose version >/dev/null 2>&1 || fail 'Docker answers, but Docker Compose v2 is missing.' 'Install the Compose plugin and run `make up` again.'
fi

# -- from here on things are made
# Also where the environment named it: `make down` and the next `make up` go by the file.
remember MEGABOT_MODE "$mode"
if [ "$mode" = standalone ]; then exec infra/host/up-standalone.sh; else exec infra/host/up-stack.sh "${chosen:-}"; fi
