/** What `meta-config.yaml` holds at first; `config/meta-config.example.yaml` is the same text. Images do not carry that folder. */
export const defaultConfiguration = `# MegaBot's settings. The interlock reads this file again whenever it changes; \`!allow\` and \`!deny\` edit it and keep your
# comments. A mistake is reported with its line, and until it is mended everything asks. Nothing here is secret.

# Refuse model servers that are not on this machine, in a private network, or named under allowed_hosts.
local_only: true

# Mode of new conversations: plan (nothing that changes anything is proposed), ask, or build (file edits in one approval).
default_mode: ask

model:
  # For instance http://127.0.0.1:11434 (Ollama), or a URL that ends in /v1 for an OpenAI-compatible server.
  # MEGABOT_MODEL_URL and MEGABOT_MODEL win over these two.
  url: null
  name: null
  # Hosts that count as private although their address does not say so.
  allowed_hosts: []
  context_tokens: 8192

# What may run without asking, and what may never run. A pattern is the beginning of one simple command, word by word:
# "git status" covers "git status --short". A leading "=" means exactly this command. Deny always wins, also inside pipes,
# substitutions and wrappers. "*" in deny stops everything; "*" in allow lets everything run that is not denied.
policies:
  allow: []
  deny: []
  # A rule is compared with the commands that a line holds, not with its text.
  matching: commands

approvals:
  # An approval that nobody decides expires after this many minutes.
  expire_minutes: 15

# Limits of one run. Each run gets a fresh container without network.
sandbox:
  image: megabot/sandbox:0.1.0
  wall_seconds: 300
  memory_mb: 512
  pids: 256
  cpus: 1
  output_kb: 512
  workspace_mb: 256
`;
