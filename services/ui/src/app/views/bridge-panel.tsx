import { useState } from 'react';
import type { BridgeReport } from '@megabot/contracts/bridge-report.ts';
import { bridgeWords, counterWords } from '../text/bridge-words.ts';
import { revealed } from '../text/invisible.ts';
import { clock } from '../text/time.ts';
import type { ApiProblem } from '../wire/api.ts';
import { BridgeSetUp } from './bridge-set-up.tsx';
import { useApp } from './context.ts';
import { FactList, type Fact } from './fact-list.tsx';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';
import { ReasonText } from './reason-text.tsx';
import { useSeconds } from './use-time-left.ts';

/** How one bridge stands, what it found wrong, and what to do about it. */
export function BridgePanel({ bridge, onRetry }: { bridge: BridgeReport; onRetry: () => Promise<ApiProblem | null> }) {
  const { controller } = useApp();
  const [asking, setAsking] = useState(false);
  const [asked, setAsked] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const now = useSeconds(bridge.state === 'waiting', controller.api.serverNow);
  const words = bridgeWords(bridge, now);
  const retry = async () => {
    if (asking || bridge.state === 'connecting') return;
    setAsking(true);
    const result = await onRetry();
    setAsking(false);
    setAsked(result === null);
    setProblem(result);
  };
  return (
    <section className="panel" aria-labelledby="bridge-title">
      <h2 id="bridge-title">
        <Icon name="messengers" />
        {bridge.name === 'openclaw' ? 'OpenClaw' : bridge.name}
        <span className={`bridge-state ${bridge.state}`}>
          <Icon name={words.icon} size={14} />
          {words.state}
        </span>
      </h2>
      {bridge.message !== undefined && (
        <p className="problem" role="status">
          <Icon name="alert" />
          <span>
            <ReasonText text={bridge.message} />
            {bridge.mend !== undefined && (bridge.state === 'refused' ? <Mend text={bridge.mend} /> : <span className="mend"><ReasonText text={bridge.mend} /></span>)}
          </span>
        </p>
      )}
      <p className="meaning">{words.meaning}</p>
      {bridge.state !== 'off' && bridge.state !== 'connected' && (
        <div className="row">
          <button type="button" aria-disabled={asking || bridge.state === 'connecting'} onClick={() => void retry()}>
            {asking || bridge.state === 'connecting' ? 'Trying…' : 'Try again now'}
          </button>
          <span className="quiet" role="status">
            {asked && bridge.state !== 'connecting' ? 'It was tried again. What stands above is how that ended.' : ''}
          </span>
        </div>
      )}
      {problem && <ProblemText problem={problem} />}
      <Findings findings={bridge.findings} />
      <Facts bridge={bridge} now={now} />
      {bridge.state === 'off' && <BridgeSetUp />}
    </section>
  );
}

const Mend = ({ text }: { text: string }) => (
  <span className="mend">
    <strong>What to do:</strong> <ReasonText text={text} />
  </span>
);

function Findings({ findings }: { findings: BridgeReport['findings'] }) {
  if (findings.length === 0) return null;
  return (
    <ul className="warnings findings" aria-label="Findings">
      {findings.map((finding, index) => (
        <li key={index} className={finding.level}>
          <Icon name={finding.level === 'alarm' ? 'octagon' : 'alert'} size={15} />
          <span>
            <strong>{finding.level === 'alarm' ? 'Alarm:' : 'Warning:'}</strong> <ReasonText text={finding.message} />
            <Mend text={finding.mend} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function Facts({ bridge, now }: { bridge: BridgeReport; now: number }) {
  if (bridge.state === 'off') return null;
  const counters = counterWords(bridge.counters);
  const facts: readonly Fact[] = [
    ...(bridge.address === undefined ? [] : [['Address', <code key="address">{revealed(bridge.address)}</code>] as const]),
    ...(bridge.gatewayVersion === undefined ? [] : [['Version of OpenClaw', revealed(bridge.gatewayVersion)] as const]),
    ...(bridge.since === undefined ? [] : [['Since', clock(bridge.since, now)] as const]),
    // Under this word `docs/openclaw.md` says what to do.
    ...(bridge.reason === undefined ? [] : [['Reason', <code key="reason">{revealed(bridge.reason)}</code>] as const]),
    // A bridge that never was connected has nothing to count.
    ...(counters.some(([, value]) => value > 0) ? counters.map(([name, value]) => [name, value.toLocaleString('en')] as const) : []),
  ];
  if (facts.length === 0) return null;
  return <FactList facts={facts} />;
}
