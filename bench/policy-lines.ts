/** Command lines as assistants and people type them; `#` stands for something that differs from line to line. */
const templates: readonly string[] = [
  'ls -la src/#', 'cat src/module-#.ts', 'head -n 40 docs/page-#.md', 'grep -rn "handler#" src --include="*.ts"', 'rg -n "export function name#" services', 'find . -name "*#*.ts" -not -path "./node_modules/*"', 'wc -l src/#/*.ts', 'git status --short', 'git diff --stat HEAD~#', 'git log --oneline -n #', 'git show HEAD~#:package.json',
  'git add -A && git commit -m "Fix the parser of case #"', 'npm test -- --grep "case #"', 'npm run build 2>&1 | tail -n 40', 'cd packages/package-# && npm run build && npm test', 'node --version', 'python3 -c "print(#)"', 'python3 scripts/report.py --week #', 'make -j4 target#', 'mkdir -p out/# && cp -r build/# out/', 'rm -f tmp/#.log', 'rm -rf build/#',
  'sed -n "#,+20p" src/server.ts', "awk -F, '{ sum += $# } END { print sum }' data.csv", 'sort -u names-#.txt | uniq -c | sort -rn | head', 'curl -sS https://example.org/api/items/#', 'docker ps --filter name=web-#', 'kubectl get pods -n team-#', 'tar -czf backup-#.tgz src docs', 'echo "done with step #" >> progress.log', 'jq ".items[#].name" data.json', 'for f in src/#/*.ts; do wc -l "$f"; done', 'export NODE_ENV=test# && npm start', 'test -f .env.# || cp .env.example .env.#',
  'timeout 60 npm run test:unit -- file#', 'xargs -n1 basename < files-#.txt', 'ssh host# uptime', 'sudo systemctl restart service-#', 'cat <<EOF > config-#.yaml\nname: item-#\nport: 80#\nEOF', 'VERSION=$(git describe --tags) && echo "$VERSION-#"', 'ps aux | grep worker-# | grep -v grep', 'diff -u old/#.txt new/#.txt', 'du -sh data/# 2>/dev/null', 'date +%Y-%m-%d', 'chmod +x scripts/run-#.sh', 'eslint src/# --max-warnings 0', 'tsc --noEmit', 'pytest -q tests/test_#.py', 'cargo test --release case_#', 'env FOO=# ./run.sh',
];

/** As many lines as asked for, the same in every run. */
export const ordinaryLines = (count: number): string[] => Array.from({ length: count }, (_, index) => (templates[index % templates.length] ?? '').replaceAll('#', String(1 + (Math.floor(index / templates.length) % 97))));

/** A policy of 200 patterns: what a careful owner of several projects would come to. */
export function ordinaryPolicy(): { allow: string[]; deny: string[]; matching: 'commands' } {
  const allow = ['ls', 'cat', 'head', 'tail', 'wc', 'grep', 'rg', 'find', 'sort', 'uniq', 'sed', 'awk', 'jq', 'diff', 'du', 'date', 'echo', 'test', 'cd', 'mkdir', 'git status', 'git log', 'git diff', 'git show', 'git add', 'git commit', 'npm test', 'npm run', 'node --version', 'make', 'tsc', 'eslint', 'pytest', 'cargo test', 'docker ps', 'kubectl get *', 'tar', 'ps', 'basename'];
  const deny = ['rm -rf', 'shutdown', 'reboot', 'mkfs', 'dd', 'sudo', 'git push --force', 'git reset --hard', 'npm publish', 'docker run', 'kubectl delete', '--privileged', '/etc', '~/.ssh', '~/.aws', '/workspace/.env', 'curl', 'wget', 'chmod -R'];
  const fill = (list: string[], size: number, name: (index: number) => string): string[] => [...list, ...Array.from({ length: size - list.length }, (_, index) => name(index))];
  return { allow: fill(allow, 140, (index) => `project-tool-${index} run`), deny: fill(deny, 60, (index) => (index % 2 === 0 ? `legacy-tool-${index} --purge` : `/srv/archive-${index}`)), matching: 'commands' };
}

const filled = (part: string, length = 60_000): string => part.repeat(Math.floor(length / part.length));

/** Lines of 60 kB made to take time: deep nesting, many words, many wrappers, much that looks like a rule. */
export const hostileLines: Readonly<Record<string, string>> = {
  '`$(` nested': filled('$('),
  '`$(echo ` nested': filled('$(echo '),
  '`"$(` nested': filled('"$('),
  'parentheses nested': filled('('),
  '`${` nested': filled('${'),
  backquotes: filled('`'),
  'double quotes': filled('"'),
  backslashes: filled('\\'),
  'function definitions': filled('f() '),
  '`if` nested': filled('if '),
  'here-documents': filled('<<a '),
  'words nested 20 deep': '$('.repeat(20) + filled('a ', 59_900) + ')'.repeat(20),
  'commands in a list': filled('a;'),
  'wrappers in a row': filled('env A=1 '),
  '`find -exec` in a row': `find . ${filled('-exec rm ')}`,
  'scripts in scripts': filled("sh -c 'sh -c "),
  'denied names behind code': `$x ${filled('rm x ')}`,
  'wildcards that may be paths': `$x ${filled('/e*c/x ')}`,
  'braces': filled('{a,b}'),
  'escapes': `$'${filled('\\x41')}'`,
};
