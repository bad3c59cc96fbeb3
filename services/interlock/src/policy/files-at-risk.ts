/** Files that other programs run or trust; also where they do not exist yet. */
export const trustedFile =
  /(^|\/)(\.git\/|\.env[^/]*$|\.ssh\/|\.npmrc$|\.yarnrc|\.bashrc$|\.bash_aliases$|\.zshrc$|\.profile$|\.bash_profile$|\.gitconfig$|\.gitattributes$|\.gitmodules$|\.github\/|\.gitlab-ci|\.husky\/|\.vscode\/|\.idea\/|package\.json$|package-lock\.json$|makefile$|dockerfile|agents\.md$|claude\.md$|\.cursorrules$|node_modules\/\.bin\/|[^/]*\.pem$|id_(rsa|dsa|ecdsa|ed25519)|meta-config\.yaml$)/i;

const secret =
  /(^|[/=@:~])(\.ssh(\/|$)|\.gnupg(\/|$)|\.aws(\/|$)|\.kube(\/|$)|\.docker\/config\.json|\.netrc$|\.npmrc$|\.pypirc$|\.pgpass$|\.git-credentials$|\.env(\.[\w.-]+)?$|\.vault-token$|id_(rsa|dsa|ecdsa|ed25519)(\.|$)|[^/]*\.(pem|key|p12|pfx|kdbx|keystore|jks)$|(g?shadow|sudoers)$|credentials?(\.(json|ya?ml|toml|ini))?$|secrets?(\.(json|ya?ml|toml|env))?$|proc\/[^/]+\/environ$)/i;

/** Whether a word names a key, a password or another secret. */
export const mayTouchSecret = (word: string): boolean => word.length < 4_096 && secret.test(word);
