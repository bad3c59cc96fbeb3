#!/usr/bin/env bash
# Builds the stack's images, and only where one is missing or a source changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/../.."
. infra/host/lib.sh

images='gateway ui orchestrator interlock memory sandbox-service init sandbox'
for profile in egress hostlink; do ! has_profile "$profile" || images="$images $profile"; done
fingerprint=$(find Dockerfile .dockerignore package.json package-lock.json libs services infra \
  \( -name node_modules -o -name dist \) -prune -o -type f ! -name '*.test.ts' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64)
present=yes
for image in $images; do docker image inspect "megabot/$image:0.1.0" >/dev/null 2>&1 || present=no; done
mkdir -p .tools
if [ "$present" = no ] || [ "$(cat .tools/stack-fingerprint 2>/dev/null || true)" != "$fingerprint" ]; then
  say 'Building the images (a few minutes the first time).'
  compose build --quiet || fail 'an image could not be built; its error is above.' 'A running MegaBot was not touched. Mend the cause and run `make up` again.'
  printf '%s' "$fingerprint" >.tools/stack-fingerprint
fi
