#!/usr/bin/env bash
# `make down`: stops MegaBot. Data stays: volumes and data/ are never touched.
set -euo pipefail
cd "$(dirname "$0")/../.."
. infra/host/lib.sh
case "$(setting MEGABOT_MODE '')" in
  stack) compose --profile '*' down --remove-orphans 2>&1 | grep -E 'rror' || true
    left=$(docker ps -aq --filter label=megabot.project=$project)
    # A command that was cut off may still have held one of the networks.
    [ -z "$left" ] || { docker rm -f $left >/dev/null; compose --profile '*' down --remove-orphans >/dev/null 2>&1 || true; }
    say 'Stopped. Data is kept in the volumes; `make up` starts it again.' ;;
  standalone)
    pid=$(sed -n 's/.*"pid":\s*\([0-9]*\).*/\1/p' "$home/data/lock" 2>/dev/null || true)
    if [ -n "$pid" ] && kill -TERM "$pid" 2>/dev/null; then say "Asked process $pid to stop. Data is kept in data/."; else say 'It is not running. Data is kept in data/.'; fi ;;
  *) say 'Nothing to stop: MegaBot was never started here.' ;;
esac
