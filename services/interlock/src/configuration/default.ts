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
# substitutions and wrappers. "*" in deny stops everything; "*" in allow lets every command run that is not denied.
# What is no command has rules of its own: "write:src/**" (files; never those that others run or trust), "web:example.org" (GET),
# "mcp:<server>/<tool>", "memory:erase", "bridge:<platform>/<chat>"; "config:<key>" in deny alone. Without a rule it asks.
policies:
  allow: []
  deny: []
  # commands: a rule is compared with the commands that a line holds. contains: with its text, anywhere in it, as the original
  # guide has it. Dangerous: an allow rule "ls" then lets "lsof" run, and whatever is chained behind an "ls".
  matching: commands

# Paired devices (device:<id>) that may also write "*" into the allow list and change "matching". Every paired device may decide
# approvals and edit the policy; lifting a lockdown and one-time codes stay with the owner.
admins: []

approvals:
  # An approval that nobody decides expires after this many minutes.
  expire_minutes: 15
  # "Allow for this conversation" holds for this long.
  conversation_grant_minutes: 1440
  # So many may wait in one conversation, and for one person (owner, device or sender) in all. What is over it is not asked about.
  max_pending: 20
  max_pending_per_origin: 100
  # So many may be asked for within a minute on behalf of one person.
  per_minute: 120

# Messengers, by OpenClaw. Nobody is answered until listed. Ids are those of the platform, always in quotes.
#   platforms:
#     telegram:
#       enabled: true
#       allowFrom: ["1001"]   # who is answered
#       admins: ["1001"]      # who of them may decide approvals of their own chat, with a one-time code from their app
#       approvals: code       # code or off
#       maxRisk: low          # low or medium: what is riskier is not even asked about
#       ratePerMinute: 20     # messages of one sender
bridges:
  openclaw:
    platforms: {}

# Limits of one run. Each run gets a fresh container, without network unless it asked for some and a person agreed.
sandbox:
  image: megabot/sandbox:0.1.0
  wall_seconds: 300
  memory_mb: 512
  pids: 256
  cpus: 1
  output_kb: 512
  workspace_mb: 256
  # off: no command gets network. ask: a command may name hosts, or the internet, and a person is asked each time. That also takes
  # COMPOSE_PROFILES=egress in .env.
  network: off
`;
