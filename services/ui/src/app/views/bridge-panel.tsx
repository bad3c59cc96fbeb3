import { useState } from 'react';
import { bridgeWords, counterWords } from '../text/bridge-words.ts';
import { revealed } from '../text/invisible.ts';
import { clock } from '../text/time.ts';
import type { ApiProblem } from '../wire/api.ts';
import type { BridgeView } from '../wire/bridge.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';

/** How one bridge stands, what it found wrong, and what to do about it. */
export function BridgePanel({ bridge, onRetry }: { bridge: BridgeView; onRetry: () => Promise<ApiProblem | null> }) {
  const { controller } = useApp();
  const [asking, setAsking] = useState(false);
  const [asked, setAsked] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const now = controller.api.serverNow();
  const words = bridgeWords(bridge, now);
  const retry = async () => {
    if (asking || bridge.state === 'connecting') return;
    setAsking(true);
    const result = await onRetry();
    setAsking(false);
    setAsked(result === null);
    setProblem(result);
  };
  const facts: readonly (readonly [name: string, value: string])[] = [
    ...(bridge.address === undefined ? [] : [['Address', revealed(bridge.address)] as const]),
    ...(bridge.gatewayVersion === undefined ? [] : [['Version of OpenClaw', bridge.gatewayVersion] as const]),
    ...(bridge.since === undefined || bridge.state === 'off' ? [] : [['So since', clock(bridge.since, now)] as const]),
    ...(bridge.state === 'off' ? [] : counterWords(bridge.counters).map(([name, value]) => [name, value.toLocaleString('en')] as const)),
  ];
  return (
    <section className="panel" aria-labelledby="bridge-title">
      <h2 id="bridge-title">
        <Icon name="messengers" />
        {bridge.name === 'openclaw' ? 'OpenClaw' : bridge.name}
        <span className="bridge-state">
          <Icon name={words.icon} size={14} />
          {words.state}
        </span>
      </h2>
      {bridge.message !== undefined && (
        <p className="problem" role="status">
          <Icon name="alert" />
          <span>
            {revealed(bridge.message)}
            {bridge.mend !== undefined && (
              <>
                <br />
                <strong>What to do:</strong> {revealed(bridge.mend)}
              </>
            )}
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
      {facts.length > 0 && (
        <dl className="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {bridge.state === 'off' && <SetUp />}
    </section>
  );
}

function Findings({ findings }: { findings: BridgeView['findings'] }) {
  if (findings.length === 0) return null;
  return (
    <ul className="warnings" aria-label="Findings">
      {findings.map((finding) => (
        <li key={finding.code} className={finding.level}>
          <Icon name={finding.level === 'alarm' ? 'octagon' : 'alert'} size={15} />
          <span>
            {finding.level === 'alarm' ? 'It happened: ' : 'It may happen: '}
            {finding.message} {finding.mend}
          </span>
        </li>
      ))}
    </ul>
  );
}

function SetUp() {
  return (
    <div className="set-up">
      <h3>To set it up</h3>
      <ol>
        <li>
          Install OpenClaw on this machine, connect its messenger, and tell it in <code>openclaw.json</code> not to answer by itself.
        </li>
        <li>
          In <code>.env</code> set <code>OPENCLAW_URL</code> to where it listens, and <code>OPENCLAW_AUTH_TOKEN</code> to its token, which is needed once.
        </li>
        <li>
          Run <code>make up</code>. This page then says whether it is connected; take the token out of <code>.env</code> again.
        </li>
        <li>
          List who is answered in <code>config/meta-config.yaml</code>, under <code>bridges.openclaw.platforms</code>. Nobody is, at first.
        </li>
      </ol>
      <p className="quiet">
        Each step in full, with the settings that OpenClaw needs: <code>docs/openclaw.md</code>.
      </p>
    </div>
  );
}
