import { useCallback, useEffect, useState } from 'react';
import type { ApiProblem } from '../wire/api.ts';
import type { BridgeView } from '../wire/bridge.ts';
import { BridgePanel } from './bridge-panel.tsx';
import { useApp } from './context.ts';
import { OneTimeCodes } from './one-time-codes.tsx';
import { ProblemText } from './problem-text.tsx';
import { Undelivered } from './undelivered.tsx';

const everyMs = 10_000;
/** An attempt ends within seconds, and whoever asked for it waits for its end. */
const everyMsWhileConnecting = 1_000;

/** Bridges to messengers: whether they work, what did not arrive, and the codes of those who may decide from there. */
export function MessengersPage() {
  const { controller } = useApp();
  const [bridges, setBridges] = useState<readonly BridgeView[] | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const read = useCallback(async () => {
    setProblem(await controller.attempt(controller.api.bridges().then(setBridges)));
  }, [controller]);
  const connecting = bridges?.some((bridge) => bridge.state === 'connecting') ?? false;
  useEffect(() => void read(), [read]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) void read();
    }, connecting ? everyMsWhileConnecting : everyMs);
    return () => clearInterval(timer);
  }, [read, connecting]);
  /** Shows at once what another attempt led to so far. */
  const retry = async (): Promise<ApiProblem | null> =>
    await controller.attempt(controller.api.retryBridge().then((news) => setBridges((present) => present?.map((bridge) => (bridge.name === news.name ? news : bridge)) ?? [news])));
  return (
    <>
      <p className="lead">
        What leaves this machine through a messenger: answers to the people whom you listed, and the commands of approvals that are announced to them. OpenClaw and the company behind
        the messenger see both; <code>docs/data-flow.md</code> has the whole table.
      </p>
      {problem && <ProblemText problem={problem} />}
      {problem && bridges && <p className="quiet">What stands below may be old. It is read again every ten seconds.</p>}
      {bridges?.map((bridge) => (
        <BridgePanel key={bridge.name} bridge={bridge} onRetry={retry} />
      ))}
      {bridges?.map((bridge) => bridge.state !== 'off' && <Undelivered key={bridge.name} answers={bridge.undelivered} />)}
      <OneTimeCodes />
    </>
  );
}
