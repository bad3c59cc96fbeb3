import { readFileSync } from 'node:fs';

/** A command with the decision that a policy must come to. They assume that HOME and PWD are /workspace and USER is agent. */
export interface LabelledCase {
  readonly policy: { readonly allow: string[]; readonly deny: string[] };
  readonly command: string;
  readonly expect: 'allow' | 'ask' | 'deny';
  readonly why: string;
  readonly class: string;
}

export const labelledCases: readonly LabelledCase[] = readFileSync(new URL('labelled-cases.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as LabelledCase);
