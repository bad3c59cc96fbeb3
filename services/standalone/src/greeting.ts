import type { StandaloneConfig } from './config.ts';

/** What a person reads once standalone is ready. */
export function greeting(config: StandaloneConfig, link: string, encrypted: boolean): string {
  const { bind, ports } = config;
  const lines = [
    '',
    'MegaBot runs standalone: everything in this one process, because no Docker engine was chosen (MEGABOT_MODE in .env).',
    'What differs from the full stack: commands run in a simulated shell in memory and see nothing of this machine, and the',
    'embedded database does not wait for the disk, so a power cut may lose acknowledged messages. To use the stack instead,',
    'install Docker, set MEGABOT_MODE=stack in .env and run `make up` again; it begins with an empty store.',
    '',
    `  UI         http://${bind}:${ports.ui}`,
    `  HTTP       http://${bind}:${ports.http}      (OpenAPI at /openapi.json)`,
    `  WebSocket  ws://${bind}:${ports.ws}    (docs/protocol.md)`,
    '',
    'Sign in with this link; it works once, within 15 minutes:',
    `  ${link}`,
    '',
  ];
  if (!encrypted) lines.push('The WebSocket is not encrypted: MEGABOT_WS_PASSWORD is set to the empty string.', '');
  if (config.model.url === undefined) {
    lines.push(
      'No model is configured in .env yet: set MEGABOT_MODEL_URL and MEGABOT_MODEL (or `model:` in config/meta-config.yaml).',
      'Until then `!run <command>`, approvals and memory work, and chat says what is missing.',
      '',
    );
  }
  if (config.openclaw.url !== undefined) {
    lines.push(
      'The bridge to OpenClaw is on: messages of people whom you listed, and the answers to them, go through it to their',
      "messengers' companies (docs/data-flow.md). `!status` says whether it works.",
      '',
    );
  }
  lines.push('Ctrl-C stops it. Data is kept in data/.', '');
  return lines.join('\n');
}
