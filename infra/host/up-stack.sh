#!/usr/bin/env bash
# Builds the images where their sources changed, makes missing secrets, starts the stack and waits until it is healthy.
set -euo pipefail
cd "$(dirname "$0")/../.."
. infra/host/lib.sh

[ "${1:-}" != now ] || say 'A Docker engine answers: MegaBot runs as its full stack of containers (MEGABOT_MODE=stack in .env).'
if [ "$(id -u)" = 0 ]; then uid=10001; gid=10001; else uid=$(id -u); gid=$(id -g); fi
remember MEGABOT_UID "$uid"
remember MEGABOT_GID "$gid"
remember DOCKER_GID "$(stat -c %g /var/run/docker.sock 2>/dev/null || echo 0)"

# What listens on the host's loopback alone is out of a container's reach but for the relay.
linked=''
for port in 18789 11434 1234 8080; do ! listens_on "$port" || linked="$linked $port"; done
case "$(setting MEGABOT_HOSTLINK auto)" in
  on) add_profile hostlink ;;
  off) drop_profile hostlink ;;
  auto) [ -z "$linked" ] || add_profile hostlink ;;
  *) fail 'MEGABOT_HOSTLINK must be auto, on or off.' 'Nothing was changed. Mend it in .env and run `make up` again.' ;;
esac

# Commands with network never reach this host, also by an address that is public.
case ",$(setting COMPOSE_PROFILES '')," in *,egress,*) remember MEGABOT_HOST_ADDRESSES "$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -vE '^$|%' | sort -u | paste -sd, - || true)" ;; esac

infra/host/build.sh

mkdir -p "$home/config" "$home/secrets"
chmod 700 "$home/secrets"
if [ "$(id -u)" = 0 ]; then chown "$uid:$gid" "$home/config" "$home/secrets"; fi
missing=no
for name in auth_token ws_password ws_salt origin_seed origin_public permit_seed permit_public permit_earlier db_admin db_memory db_interlock \
  nats_gateway nats_orchestrator nats_interlock nats_sandbox nats_memory nats_init nats/users.conf; do
  [ -s "$home/secrets/$name" ] || missing=yes
done
if [ ! -s "$home/secrets/db_admin" ] && docker volume inspect "${project}_postgres" >/dev/null 2>&1; then
  fail "there is data of an earlier MegaBot in the volume ${project}_postgres, and its password (secrets/db_admin) is not here." \
    'The data was not touched. Put the earlier secrets/ back in place, or, if the data may go, remove the volumes' \
    "${project}_postgres, ${project}_nats and ${project}_workspaces with \`docker volume rm\`, and run \`make up\` again."
fi
if [ "$missing" = yes ]; then
  docker run --rm --network none --user "$uid:$gid" --read-only --cap-drop ALL --security-opt no-new-privileges \
    -v "$home/secrets:/secrets" --entrypoint node megabot/init:0.1.0 src/keys-main.ts /secrets
fi

# Compose leaves what is no longer asked for running: a way out must end with its line in .env.
for profile in egress hostlink; do
  has_profile "$profile" || compose --profile "$profile" rm --stop --force "$profile" >/dev/null 2>&1 || true
done

say 'Starting and waiting for health.'
if ! compose up --detach --wait --wait-timeout 120 --remove-orphans --quiet-pull 2>.tools/up.log; then
  grep -vE '(Running|Healthy|Started|Waiting|Created|Starting|Creating|Exited)$' .tools/up.log >&2 || true
  compose ps --all --format 'table {{.Service}}\t{{.Status}}' >&2
  fail 'MegaBot did not become healthy.' 'Nothing was lost: data is in its volumes. `make logs s=<service>` of the one above that is not healthy says why.'
fi

bind=$(setting MEGABOT_BIND 127.0.0.1)
say ''
say "  UI         http://$bind:$(setting MEGABOT_UI_PORT 5173)"
say "  HTTP       http://$bind:$(setting MEGABOT_PORT 8000)      (OpenAPI at /openapi.json)"
say "  WebSocket  ws://$bind:$(setting MEGABOT_WS_PORT 18790)    (docs/protocol.md)"
say ''
say 'Sign in with this link; it works once, within 15 minutes (`make sign-in` makes another):'
say "  $(compose exec -T gateway node src/sign-in-link.ts)"
if has_profile hostlink; then
  say ''
  say "The relay hostlink runs: it passes the host's loopback ports 18789, 11434, 1234 and 8080 on, and nothing else (MEGABOT_HOSTLINK in .env)."
  for port in $linked; do
    case "$port" in
      18789) say '  127.0.0.1:18789 listens: for OpenClaw set OPENCLAW_URL=ws+unix:/run/hostlink/openclaw/18789.sock' ;;
      11434) say '  127.0.0.1:11434 listens: for Ollama set MEGABOT_MODEL_URL=unix:/run/hostlink/models/11434.sock' ;;
      *) say "  127.0.0.1:$port listens: for an OpenAI-compatible model server set MEGABOT_MODEL_URL=unix:/run/hostlink/models/$port.sock:/v1" ;;
    esac
  done
fi
if [ -n "$(setting OPENCLAW_URL '')" ]; then
  say ''
  say "The bridge to OpenClaw is on: messages of people whom you listed, and the answers to them, go through it to their"
  say "messengers' companies (docs/data-flow.md). \`!status\` says whether it works."
fi
if [ -z "$(setting MEGABOT_MODEL_URL '')" ]; then
  say ''
  say 'No model is configured in .env yet: set MEGABOT_MODEL_URL and MEGABOT_MODEL (or `model:` in config/meta-config.yaml).'
  say 'Until then `!run <command>`, approvals and memory work, and chat says what is missing.'
fi
