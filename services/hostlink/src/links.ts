/** Which loopback ports of the host can be reached, and by whom: each group is a volume of its own. Not configurable, on purpose. */
export interface Link {
  readonly group: 'openclaw' | 'models';
  readonly port: number;
  /** What listens there as a rule. */
  readonly what: string;
}

export const links: readonly Link[] = [
  { group: 'openclaw', port: 18_789, what: 'OpenClaw' },
  { group: 'models', port: 11_434, what: 'Ollama' },
  { group: 'models', port: 1_234, what: 'LM Studio' },
  { group: 'models', port: 8_080, what: 'llama.cpp or LocalAI' },
];
