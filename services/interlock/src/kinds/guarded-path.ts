interface Guard {
  readonly pattern: RegExp;
  readonly what: string;
}

/** Files that other programs run or trust, whether they exist already or not. Compared without regard to case, at every depth. */
const guards: readonly Guard[] = [
  { pattern: /(^|\/)\.git(\/|$)|(^|\/)\.git(config|modules|attributes)$|(^|\/)\.husky\//, what: "a part of git's own files, some of which git executes" },
  { pattern: /(^|\/)\.env[^/]*$|(^|\/)\.(envrc|netrc|pgpass)$/, what: 'a file of settings and secrets that programs read at their start' },
  { pattern: /(^|\/)\.(ssh|gnupg|aws|kube|docker)\/|(^|\/)id_(rsa|dsa|ecdsa|ed25519)[^/]*$|(^|\/)authorized_keys$|\.(pem|key|p12|pfx|kdbx|keystore|jks)$/, what: 'a key or a file of credentials' },
  { pattern: /(^|\/)\.(bash|zsh|z|k|c|tc)?(rc|shrc|profile|login|logout|env)$|(^|\/)\.(bash|zsh)_[a-z]+$|(^|\/)\.z(shenv|profile|login|logout)$|(^|\/)\.config\/fish\//, what: 'a start-up file of a shell' },
  { pattern: /(^|\/)\.(npmrc|yarnrc|yarnrc\.yml|pnpmfile\.cjs|pypirc|condarc|vimrc|exrc|gdbinit|inputrc|wgetrc|curlrc|screenrc|tmux\.conf|mailcap|gemrc|irbrc|pryrc|lldbinit)$|(^|\/)\.(vscode|idea|devcontainer|cargo|mvn|gradle|config)\//, what: 'a start-up file of a tool' },
  { pattern: /(^|\/)(package\.json|package-lock\.json|npm-shrinkwrap\.json|composer\.json|deno\.jsonc?|makefile|gnumakefile|dockerfile|containerfile|justfile|rakefile|gemfile|setup\.py|setup\.cfg|pyproject\.toml|conftest\.py|sitecustomize\.py|usercustomize\.py|tox\.ini|noxfile\.py|build\.rs|build\.gradle(\.kts)?|pom\.xml|cmakelists\.txt|procfile|vagrantfile)$|\.mk$|(^|\/)(docker-)?compose(\.[^/]*)?\.ya?ml$|(^|\/)[^/]*\.config\.[cm]?[jt]s$/, what: 'a file from which tools take commands' },
  { pattern: /(^|\/)\.(github|gitlab|circleci|gitea|forgejo|woodpecker|buildkite|ci)\/|(^|\/)\.(gitlab-ci|travis|drone|woodpecker|appveyor|pre-commit-config|cirrus)\.ya?ml$|(^|\/)(jenkinsfile|azure-pipelines\.ya?ml|bitbucket-pipelines\.ya?ml|\.pre-commit-config\.yaml)$/, what: 'a file from which continuous integration takes commands' },
  { pattern: /(^|\/)(agents|claude|gemini|copilot-instructions|skill)(\.local)?\.md$|(^|\/)\.(cursorrules|windsurfrules|clinerules|mcp\.json)$|(^|\/)\.(claude|cursor|codex|agents|gemini|windsurf|openclaw)\//, what: 'a file from which assistants take instructions' },
  { pattern: /(^|\/)node_modules\/|(^|\/)(\.?venv|vendor\/bundle|__pycache__)\/|(^|\/)\.local\/(bin|lib)\/|\.pth$/, what: 'an installed program or library, executed later' },
];

/** Why a change of this path is never allowed without asking, in words; null where a rule may allow it. */
export function guardedAs(path: string): string | null {
  const folded = path.normalize('NFKC').toLowerCase();
  return guards.find(({ pattern }) => pattern.test(folded))?.what ?? null;
}
