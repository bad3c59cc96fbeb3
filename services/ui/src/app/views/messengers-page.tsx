import { useCallback, useEffect, useState } from 'react';
import type { BridgeReport } from '@megabot/contracts/bridge-report.ts';
import type { ApiProblem } from '../wire/api.ts';
import { BridgePanel } from './bridge-panel.tsx';
import { useApp } from './context.ts';
import { DataNotice } from './data-notice.tsx';
import { OneTimeCodes } from './one-time-codes.tsx';
import { Platforms } from './platforms.tsx';
import { ProblemText } from './problem-text.tsx';
import { Undelivered } from './undelivered.tsx';

/** How often it is read again. An attempt ends within seconds, and whoever looks at a bridge that is away waits for its end. */
const everyMs: Readonly<Partial<Record<BridgeReport['state'], number>>> = { connecting: 1_000, waiting: 3_000 };
const usuallyEveryMs = 10_000;

/** Bridges to messengers: whether they work, what leaves through them, what did not arrive, whom they answer, and the codes of those who may decide from there. */
export function MessengersPage() {
  const { controller } = useApp();
  const [bridges, setBridges] = useState<readonly BridgeReport[] | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const read = useCallback(async () => {
    setProblem(await controller.attempt(controller.api.bridges().then(setBridges)));
  }, [controller]);
  const pause = Math.min(usuallyEveryMs, ...(bridges ?? []).map((bridge) => everyMs[bridge.state] ?? usuallyEveryMs));
  useEffect(() => void read(), [read]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) void read();
    }, pause);
    return () => clearInterval(timer);
  }, [read, pause]);
  /** Shows at once what another attempt led to so far. */
  const retry = async (): Promise<ApiProblem | null> =>
    await controller.attempt(controller.api.retryBridge().then((news) => setBridges((present) => present?.map((bridge) => (bridge.name === news.name ? news : bridge)) ?? [news])));
  return (
    <>
      {problem && <ProblemText problem={problem} />}
      {problem && bridges && <p className="quiet">What stands below may be old. It is read again by itself.</p>}
      {bridges?.map((bridge) => (
        <BridgePanel key={bridge.name} bridge={bridge} onRetry={retry} />
      ))}
      {bridges?.map((bridge) => bridge.state !== 'off' && <Undelivered key={bridge.name} answers={bridge.undelivered} onChange={read} />)}
      {bridges?.map((bridge) => <DataNotice key={bridge.name} bridge={bridge} />)}
      {bridges?.map((bridge) => (bridge.state !== 'off' || (bridge.platforms ?? []).length > 0) && <Platforms key={bridge.name} platforms={bridge.platforms} />)}
      <OneTimeCodes />
    </>
  );
}
