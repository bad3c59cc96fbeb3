import type { ShownApproval } from '../state/state.ts';
import { limitWords, placeWords } from '../text/approval-words.ts';
import { networkWords } from '../text/network-words.ts';
import { guestOf, principalWords } from '../text/principal-words.ts';
import { clock } from '../text/time.ts';
import { FactList, type Fact } from './fact-list.tsx';
import { JudgedParts, Warnings } from './judged-parts.tsx';
import { ReasonText } from './reason-text.tsx';

/** Why it is asked, what was found in it, and where and with what it would run. */
export function ApprovalFacts({ approval }: { approval: ShownApproval }) {
  const facts: readonly Fact[] = [
    ...(approval.kind === 'shell' ? [['Folder', <code key="cwd">{approval.cwd ?? '…'}</code>] as const] : []),
    // A message leaves through the messenger, whatever it says of the internet.
    ...(approval.kind === 'bridge_send' ? [] : [['Network', <Network key="network" network={approval.network} />] as const]),
    ['Where', placeWords(approval.kind)],
    ...(approval.mounts !== undefined && approval.mounts.length > 0 ? [['Sees', approval.mounts.join('; ')] as const] : []),
    ...(approval.limits === undefined ? [] : [['At most', limitWords(approval.limits)] as const]),
    // Somebody behind a messenger stands at the top of the card.
    ...(approval.requestedBy === undefined || guestOf(approval.requestedBy) ? [] : [['Asked by', principalWords(approval.requestedBy)] as const]),
    ...(approval.grantExpiresAt === undefined ? [] : [['Holds for the conversation until', clock(approval.grantExpiresAt, Date.now())] as const]),
  ];
  return (
    <>
      <Warnings warnings={approval.warnings ?? []} />
      {approval.reasons.length > 0 && (
        <div className="reasons">
          <h3>Why you are asked</h3>
          <ul>
            {approval.reasons.map((reason, index) => (
              <li key={index}><ReasonText text={reason} /></li>
            ))}
          </ul>
        </div>
      )}
      {approval.parts && <JudgedParts parts={approval.parts} title={approval.parts.length === 1 ? 'The command in it' : `The ${approval.parts.length} commands in it`} />}
      <FactList facts={facts} />
    </>
  );
}

/** Whatever is more than no network stands out, host by host. */
function Network({ network }: { network: ShownApproval['network'] }) {
  if (network === undefined || network === 'none' || network === 'internet') return network === 'internet' ? <strong className="reaches">{networkWords(network)}</strong> : networkWords(network);
  return (
    <span className="reaches">
      {network.hosts.map((host) => (
        <code key={host}>{host}</code>
      ))}
    </span>
  );
}
