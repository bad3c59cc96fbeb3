# `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help up down ps logs restart scale sign-in audit-verify audit-export test test-long check bench clean

NODE_DIR = $$(infra/host/node.sh)
WITH_NODE = set -euo pipefail; node_dir=$(NODE_DIR); export PATH=$$node_dir:$$PATH; infra/host/dependencies.sh;
LIB = set -euo pipefail; . infra/host/lib.sh;

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Start MegaBot (Docker stack, or one process where no engine answers) and print what to open
	@infra/host/up.sh

down: ## Stop MegaBot; data is kept
	@infra/host/down.sh

ps: ## Show the stack's services and their health
	@$(LIB) compose ps --format 'table {{.Service}}\t{{.Status}}\t{{.Ports}}'

logs: ## Follow the logs: all services, or one with s=<service>
	@$(LIB) compose logs --follow --tail 200 $(s)

restart: ## Restart one service: s=<service>
	@$(LIB) require_service "$(s)"; compose restart $(s)

scale: ## Run several replicas of a service: s=<service> n=<number>
	@infra/host/scale.sh "$(s)" "$(n)"

sign-in: ## Print a new one-time sign-in link for a running stack
	@$(LIB) compose exec -T gateway node src/sign-in-link.ts

# `megabot audit …` in the interlock's container. Its own log shows what was signed, and is out of reach for the database.
AUDIT = exec -T interlock node --disable-warning=ExperimentalWarning src/megabot-main.ts audit

audit-verify: ## Check the audit log of a running stack, also against what the interlock has logged as signed
	@$(LIB) compose logs --no-color --no-log-prefix interlock | compose $(AUDIT) verify --heads -

audit-export: ## Write the audit log of a running stack as JSON lines: make audit-export > audit.jsonl
	@$(LIB) compose $(AUDIT) export

test: ## All tests with reduced counts: unit, and where a Docker engine answers integration and end to end
	@$(WITH_NODE) node tests/run.ts

test-long: ## All tests with full counts
	@$(WITH_NODE) node tests/run.ts --long

check: ## Types, lint and the rules of the repository
	@$(WITH_NODE) npx tsc -p tsconfig.json && npx tsc -p services/ui/tsconfig.json && npx oxlint --type-aware --deny-warnings . && node --test 'tests/repo/*.test.ts'

bench: ## Measure speed and memory; prints a table
	@$(WITH_NODE) node bench/run.ts

clean: ## Delete what was fetched and built (node_modules, .tools, dist); never data or secrets
	@rm -rf node_modules .tools services/ui/dist; echo 'Deleted node_modules, .tools and dist. Data, config and secrets are kept.'
