import type { ActionOf } from '@megabot/contracts/action.ts';
import { judgeScoped, deny } from './judge-scoped.ts';
import { serviceLimits } from './limits.ts';
import type { KindRules } from './rules.ts';

/** Headers that say nothing of the person and carry no right. */
const plainHeaders: ReadonlySet<string> = new Set(['accept', 'accept-language', 'user-agent', 'range', 'if-none-match', 'if-modified-since']);

/** Why a request asks whatever the rules say: it sends something out, or speaks in somebody's name. */
function sendsSomething(action: ActionOf<'web_request'>, url: URL): string | null {
  if (action.method === 'POST') return 'It sends data to another machine, which is never allowed without asking.';
  if (url.username !== '' || url.password !== '') return 'The address holds a name or password.';
  const header = Object.keys(action.headers).find((name) => !plainHeaders.has(name.toLowerCase()));
  return header === undefined ? null : `It sends the header ${header}, which is never allowed without asking.`;
}

export const webRequest: KindRules<'web_request'> = {
  judge(action, policy) {
    if (!URL.canParse(action.url)) return deny(null, 'The address cannot be read.');
    const url = new URL(action.url);
    if (action.method !== 'POST' && action.body !== null) return deny(null, `A ${action.method} request has no body.`);
    return judgeScoped(policy, { scope: 'web', subjects: [url.host], always: sendsSomething(action, url), otherwise: `No rule of the scope "web:" names ${url.host}.` });
  },
  risk: (action) => (action.method === 'POST' ? 'high' : 'medium'),
  display: (action) => `${requestLine(action)}${Object.entries(action.headers).map(([name, value]) => `\n${name}: ${value}`).join('')}${action.body === null ? '' : `\n\n${action.body}`}`,
  summary: (action) => `${requestLine(action)}${action.body === null ? '' : ` (${Buffer.byteLength(action.body)} bytes sent)`}`,
  plan: (action, { sandbox, conversation, workspaceRevision }) => ({ kind: 'web_request', conversation, workspaceRevision, action, limits: serviceLimits(sandbox) }),
  actionOf: (plan) => plan.action,
  usesWorkspace: false,
  barred: (_action, { local_only: localOnly }) => (localOnly ? 'local_only is on in config/meta-config.yaml, so nothing is fetched from the web. The owner can turn it off; then it can be proposed again.' : null),
};

const requestLine = ({ method, url }: ActionOf<'web_request'>): string => `${method} ${url}`;

export const mcpCall: KindRules<'mcp_call'> = {
  judge: ({ server, tool }, policy) => judgeScoped(policy, { scope: 'mcp', subjects: [`${server}/${tool}`], always: null, otherwise: `No rule of the scope "mcp:" covers ${server}/${tool}.` }),
  // What a tool does is its server's secret.
  risk: () => 'high',
  display: (action) => `${action.server}/${action.tool}\n${JSON.stringify(action.arguments, null, 2)}`,
  summary: ({ server, tool }) => `${server}/${tool}`,
  plan: (action, { sandbox, conversation, workspaceRevision }) => ({ kind: 'mcp_call', conversation, workspaceRevision, action, limits: serviceLimits(sandbox) }),
  actionOf: (plan) => plan.action,
  usesWorkspace: false,
};
