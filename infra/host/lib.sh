# Sourced by the other scripts of this folder, from the project's root.

# Where `.env`, `secrets/`, `config/` and `data/` of this MegaBot live: here, unless MEGABOT_HOME says otherwise.
home=${MEGABOT_HOME:-$PWD}
mkdir -p "$home"; home=$(cd "$home" && pwd); export MEGABOT_HOME=$home
project=${COMPOSE_PROJECT_NAME:-megabot}
compose() { if [ -f "$home/.env" ]; then docker compose --env-file "$home/.env" "$@"; else docker compose "$@"; fi; }

say() { printf '%s\n' "$*"; }
fail() { printf 'make: %s\n' "$1" >&2; shift; for line in "$@"; do printf '      %s\n' "$line" >&2; done; exit 1; }

# setting NAME [DEFAULT]: what the environment says, else `.env`, else the default.
setting() {
  if [ -n "${!1+set}" ]; then printf '%s' "${!1}"; return; fi
  local line=''
  [ ! -f "$home/.env" ] || line=$(grep -E "^$1=" "$home/.env" | tail -n 1 || true)
  if [ -n "$line" ]; then printf '%s' "${line#*=}"; else printf '%s' "${2-}"; fi
}

# remember NAME VALUE: sets a line of `.env`, and leaves the file alone where it already says so.
remember() {
  local file=$home/.env
  touch "$file"; chmod 600 "$file"
  if grep -qxF "$1=$2" "$file"; then return; fi
  if grep -qE "^$1=" "$file"; then
    local kept; kept=$(grep -vE "^$1=" "$file" || true)
    (umask 077; printf '%s\n' "$kept" "$1=$2" >"$file.new"); mv "$file.new" "$file"
  else
    if [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ]; then printf '\n' >>"$file"; fi
    printf '%s\n' "$1=$2" >>"$file"
  fi
}

require_port() {
  local value; value=$(setting "$1" "$2")
  [[ $value =~ ^[0-9]{1,5}$ ]] && [ "$value" -ge 1 ] && [ "$value" -le 65535 ] ||
    fail "$1 must be a port number, 1 to 65535." 'Nothing was changed. Mend it in the environment or in .env and run `make up` again.'
}

# Optional services of the stack are compose profiles, listed in COMPOSE_PROFILES.
has_profile() { case ",$(setting COMPOSE_PROFILES '')," in *,"$1",*) ;; *) return 1 ;; esac; }
add_profile() { has_profile "$1" || remember COMPOSE_PROFILES "$(setting COMPOSE_PROFILES '' | sed -E 's/,+$//; s/(.)$/\1,/')$1"; }
drop_profile() {
  ! has_profile "$1" || remember COMPOSE_PROFILES "$(setting COMPOSE_PROFILES '' | tr , '\n' | grep -vxF "$1" | paste -sd, - || true)"
}

# listens_on PORT: whether something on this host listens there on 127.0.0.1 or on every address.
listens_on() {
  local hex; hex=$(printf '%04X' "$1")
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$hex" '$4 == "0A" { split($2, at, ":"); if (at[2] == port && (at[1] == "0100007F" || at[1] ~ /^0+$/)) found = 1 } END { exit !found }'
}

engine_answers() { command -v docker >/dev/null 2>&1 && docker info >/dev/null 2>&1; }

all_services='gateway ui orchestrator interlock memory sandbox egress nats postgres'
require_service() {
  [ -n "${1:-}" ] || fail "name a service: s=<service>, one of: $all_services"
  case " $all_services " in *" $1 "*) ;; *) fail "there is no service \"$1\"." "The services are: $all_services" ;; esac
}
