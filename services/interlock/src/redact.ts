/** Names whose value is a secret, as they stand before `=` or `:` or after `--`. */
const secretName = '[A-Za-z0-9_.-]{0,64}(?:token|passw(?:or)?d|passphrase|passcode|secret|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|credential|auth(?!or))[A-Za-z0-9_.-]{0,64}';
/** Short names that are secrets only if they stand alone before their `=`. */
const bareName = '(?:pass|pwd|pat|[A-Z][A-Z0-9]{0,30}_(?:PASS|PWD|PAT|PSK))';
// What a variable or a command gives is no secret itself, and a reader should see where it comes from.
const reference = '\\$[A-Za-z_({]';
const quotedOrBare = `(?:"(?!${reference})[^"]*"|'[^']*'|(?!["']?${reference}|\\[redacted)[^\\s"'&;|)]+)`;

const rules: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g, '[redacted private key]'],
  // user:password@host, and secrets in the query of a URL
  [/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"']{1,512}@/gi, '$1[redacted]@'],
  [new RegExp(`([?&](?:${secretName}|sig|signature|code|key|x-amz-credential|x-amz-security-token)=)[^\\s&"']+`, 'gi'), '$1[redacted]'],
  [/(https?:\/\/hooks\.slack\.com\/(?:services|workflows)\/)[A-Za-z0-9/_-]+/g, '$1[redacted]'],
  [/(https?:\/\/(?:\w+\.)?discord(?:app)?\.com\/api\/webhooks\/\d+\/)[\w-]+/g, '$1[redacted]'],
  [/(api\.telegram\.org\/bot)\d+:[\w-]+/g, '$1[redacted]'],
  [/((?:proxy-)?authorization\s*[:=]\s*)(?:"[^"]*"|'[^']*'|(?:(?:basic|bearer|token|digest|negotiate|apikey|aws4-hmac-sha256)(?:\\?\s)+)?[^\s"']+)/gi, '$1[redacted]'],
  [/\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}/gi, '$1[redacted]'],
  [/((?:set-)?cookie\s*:\s*)[^"'\n]+/gi, '$1[redacted]'],
  [/(\b(?:x-api-key|x-auth-token|x-vault-token|private-token|api-key|apikey|x-amz-security-token)\s*:\s*)[^\s"']+/gi, '$1[redacted]'],
  [new RegExp(`(\\b${secretName}["']?\\s*[=:]\\s*)${quotedOrBare}`, 'gi'), '$1[redacted]'],
  [new RegExp(`((?:^|[\\s;&|"'{,])${bareName}=)${quotedOrBare}`, 'g'), '$1[redacted]'],
  [new RegExp(`(--?${secretName}(?:\\s+|=))(?!-)${quotedOrBare}`, 'gi'), '$1[redacted]'],
  [new RegExp(`(\\s--(?:pass|pwd|pat)(?:\\s+|=))(?!-)${quotedOrBare}`, 'g'), '$1[redacted]'],
  // KEY=… of an environment, whatever it is called
  [new RegExp(`\\b([A-Z][A-Z0-9_]{0,60}_?KEY=)${quotedOrBare}`, 'g'), '$1[redacted]'],
  [/(\b(?:curl|wget|http)\b[^\n|;&]{0,400}?\s(?:-u|--user|--proxy-user)[ =]?)(?:"[^"]*"|'[^']*'|[^\s"']+)/g, '$1[redacted]'],
  [/(\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump)\b[^\n|;&]{0,400}?\s-p)[^\s"']+/g, '$1[redacted]'],
  [/(\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump)\b[^\n|;&]{0,400}?\s-p)(?:"[^"]*"|'[^']*')/g, '$1[redacted]'],
  [/(\bsshpass\s+-p\s*)(?:"[^"]*"|'[^']*'|[^\s"']+)/g, '$1[redacted]'],
  [/(\bredis-cli\b[^\n|;&]{0,400}?\s-a\s+)(?:"[^"]*"|'[^']*'|[^\s"']+)/g, '$1[redacted]'],
  [/(\b(?:docker|podman|helm|az|oc)\b[^\n|;&]{0,40}?\blogin\b[^\n|;&]{0,160}?\s-p[ =]?)(?:"[^"]*"|'[^']*'|[^\s"']+)/g, '$1[redacted]'],
  [/(\bopenssl\b[^\n|;&]{0,400}?\bpass:)[^\s"']+/g, '$1[redacted]'],
  // "machine host login name password secret", as in .netrc
  [/(\blogin\s+\S{1,128}\s+password\s+)\S+/g, '$1[redacted]'],
  // tokens that tell what they are by their beginning
  [
    /\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:pat|ptt|dt|rt|cbt|soat)-[A-Za-z0-9_-]{16,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{16,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{16,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{30,}|ya29\.[0-9A-Za-z_-]{20,}|GOCSPX-[0-9A-Za-z_-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{40,}|hf_[A-Za-z0-9]{20,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|dop_v1_[a-f0-9]{40,}|hv[sb]\.[A-Za-z0-9_-]{20,}|glsa_[A-Za-z0-9_]{20,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{20,}|tskey-[a-z]+-[A-Za-z0-9-]{10,}|AGE-SECRET-KEY-1[0-9A-Z]{20,})/g,
    '[redacted]',
  ],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, '[redacted]'],
];

/** The text without what looks like a secret: for the audit log, and for what is kept after a run has ended. */
export function redact(text: string): string {
  return rules.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text);
}
