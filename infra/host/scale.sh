#!/usr/bin/env bash
# `make scale s=orchestrator n=4`. gateway and ui own fixed ports and stay one a host; nats and postgres hold state.
set -euo pipefail
cd "$(dirname "$0")/../.."
. infra/host/lib.sh
case "${1:-}" in
  orchestrator|interlock|memory|sandbox) ;;
  gateway|ui|egress|nats|postgres) fail "$1 runs once on a host." 'These can be scaled: orchestrator, interlock, memory, sandbox.' ;;
  *) require_service "${1:-}" ;;
esac
[[ ${2:-} =~ ^([1-9]|1[0-6])$ ]] || fail 'name a number of replicas from 1 to 16: n=<number>'
remember "MEGABOT_SCALE_${1^^}" "$2"
compose up --detach --no-recreate --no-deps --wait --quiet-pull "$1"
say "$1 runs $2 times; .env remembers it for the next \`make up\`."
