/** Names whose value is a secret, as they stand before `=` or `:` or after `--`. */
const secretName = '[A-Za-z0-9_.-]{0,64}(?:token|passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|credential|auth(?!or))[A-Za-z0-9_.-]{0,64}';
const value = `(?:"[^"]*"|'[^']*'|[^\\s"'&;|]+)`;

const rules: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g, '[redacted private key]'],
  // user:password@host, and secrets in the query of a URL
  [/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"']{1,512}@/gi, '$1[redacted]@'],
  [new RegExp(`([?&](?:${secretName}|sig|signature|code|key)=)[^\\s&"']+`, 'gi'), '$1[redacted]'],
  [/((?:proxy-)?authorization\s*[:=]\s*)(?:"[^"]*"|'[^']*'|(?:(?:basic|bearer|token|digest|negotiate|apikey)\s+)?[^\s"']+)/gi, '$1[redacted]'],
  [/\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}/gi, '$1[redacted]'],
  [/((?:set-)?cookie\s*:\s*)[^"'\n]+/gi, '$1[redacted]'],
  [new RegExp(`(\\b${secretName}\\s*[=:]\\s*)${value}`, 'gi'), '$1[redacted]'],
  [new RegExp(`(--?${secretName}(?:\\s+|=))${value}`, 'gi'), '$1[redacted]'],
  // KEY=… of an environment, whatever it is called
  [/\b([A-Z][A-Z0-9_]{0,60}_?KEY=)(?:"[^"]*"|'[^']*'|[^\s"']+)/g, '$1[redacted]'],
  [/(\b(?:curl|wget|http)\b[^\n|;&]{0,400}?\s(?:-u|--user|--proxy-user)[ =]?)(?:"[^"]*"|'[^']*'|[^\s"']+)/g, '$1[redacted]'],
  [/(\b(?:mysql|mysqldump|mariadb)\b[^\n|;&]{0,400}?\s-p)[^\s"']+/g, '$1[redacted]'],
  // tokens that tell what they are by their beginning
  [/\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{16,}|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{30,}|npm_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{20,})\b/g, '[redacted]'],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, '[redacted]'],
];

/** The text without what looks like a secret: for the audit log, and for what is kept after a run has ended. */
export function redact(text: string): string {
  return rules.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text);
}
