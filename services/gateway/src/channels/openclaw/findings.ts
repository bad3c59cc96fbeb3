export type FindingCode = 'shared_context' | 'own_turns' | 'uses_tools' | 'answers_itself' | 'sends_messages' | 'runs_commands';

/** Something in OpenClaw's configuration that its owner should change. */
export interface Finding {
  readonly code: FindingCode;
  /** `alarm`: it happened. `warning`: it may happen, and the bridge cannot see whether it does. */
  readonly level: 'alarm' | 'warning';
  readonly message: string;
  readonly mend: string;
}

const texts: Readonly<Record<FindingCode, Omit<Finding, 'code'>>> = {
  runs_commands: {
    level: 'alarm',
    message: 'OpenClaw\'s own agent ran a command on its machine for somebody\'s message, too quickly for anybody to have been asked.',
    mend: 'Set tools.deny to ["*"] in openclaw.json, or at least tools.exec.mode to "deny".',
  },
  answers_itself: {
    level: 'alarm',
    message: 'OpenClaw\'s own agent seems to answer people beside MegaBot: OpenClaw was still busy when its answers were finished, as it is while it delivers them.',
    mend: 'Deny the messenger in session.sendPolicy (docs/openclaw.md).',
  },
  sends_messages: {
    level: 'alarm',
    message: 'A message that is not MegaBot\'s went to a person through OpenClaw: its own agent\'s tool "message" sent it, which session.sendPolicy does not hold back, or another program that uses the same OpenClaw.',
    mend: 'Set tools.deny to ["*"] in openclaw.json, and look with "openclaw devices list" for programs that you do not want there.',
  },
  shared_context: {
    level: 'alarm',
    message: 'OpenClaw puts different people\'s messages into one session of its own, where its agent sees them together. MegaBot keeps them apart.',
    mend: 'Set session.dmScope to "per-channel-peer" in openclaw.json.',
  },
  uses_tools: {
    level: 'warning',
    message: 'OpenClaw\'s own agent used its tools for somebody\'s message. Meanwhile OpenClaw may show "Working" in that chat, whatever session.sendPolicy says.',
    mend: 'Set tools.deny to ["*"] in openclaw.json, and streaming.mode of the messenger to "off".',
  },
  own_turns: {
    level: 'warning',
    message: 'OpenClaw\'s own agent works on people\'s messages as well. Whether its answers go out is decided by session.sendPolicy, which the bridge cannot read.',
    mend: 'Deny the messenger in session.sendPolicy (docs/openclaw.md), and point OpenClaw at a model that costs nothing.',
  },
};
const heldBack: Omit<Finding, 'code'> = {
  level: 'warning',
  message: 'OpenClaw\'s own agent works on people\'s messages as well. Its last answers seem to have been held back, as they should be.',
  mend: 'Point OpenClaw at a model that costs nothing: its turns are wasted.',
};

/** The findings of these codes, the most serious first. `heldBack`: nothing of OpenClaw's own seemed to go out of late. */
export function textOf(codes: ReadonlySet<FindingCode>, state: { readonly heldBack: boolean }): readonly Finding[] {
  return (Object.keys(texts) as FindingCode[]).filter((code) => codes.has(code)).map((code) => ({ code, ...(code === 'own_turns' && state.heldBack ? heldBack : texts[code]) }));
}
