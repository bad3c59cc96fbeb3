import { useCallback, useEffect, useState } from 'react';
import type { ApiProblem, Policy } from '../wire/api.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { PolicyGrants } from './policy-grants.tsx';
import { PolicyHistory } from './policy-history.tsx';
import { PatternList, type ListName } from './policy-list.tsx';
import { PolicyTester } from './policy-tester.tsx';
import { ProblemText } from './problem-text.tsx';

/** What is allowed and denied, how to change it and take it back, and how a command would be judged. */
export function PolicyPage() {
  const { state, controller } = useApp();
  const [policy, setPolicy] = useState<Policy | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const read = useCallback(async () => {
    const result = await controller.attempt(controller.api.policy().then(setPolicy));
    if (result) setProblem(result);
  }, [controller]);
  // Read again whenever the policy in force became another one: by a command in chat, another device, a lifted lockdown.
  useEffect(() => void read(), [read, state.policy?.version, state.policy?.lockdown]);

  /** True once it is saved; what the person typed stays where it is otherwise. */
  const save = async (list: ListName, change: (patterns: readonly string[]) => readonly string[]): Promise<boolean> => {
    if (!policy) return false;
    const { allow, deny, matching } = policy.view;
    const next = { allow, deny, matching, [list]: change(policy.view[list]) };
    const result = await controller.attempt(controller.api.putPolicy(next, policy.etag).then(setPolicy));
    setProblem(result);
    // Somebody else was faster: their version is shown, and the edit can be repeated on it.
    if (result?.status === 412 || result?.status === 409) await read();
    controller.refresh();
    return result === null;
  };
  /** Does something that changes the policy by another way than the lists, and shows what came of it. */
  const change = async (work: () => Promise<unknown>): Promise<boolean> => {
    const result = await controller.attempt(work());
    setProblem(result);
    await read();
    controller.refresh();
    return result === null;
  };

  return (
    <>
      <p className="lead">
        A command runs by itself only if a pattern allows all of it. Deny is looked at first, then allow; everything else waits for you.
      </p>
      {policy?.view.matching === 'contains' && (
        <p className="problem" role="status">
          <Icon name="alert" />
          <span>
            <strong>Rules are compared as plain text</strong> (<code>matching: contains</code>): an allow rule lets through every line that holds its words, whatever else
            is in it. Set <code>matching: commands</code> in <code>config/meta-config.yaml</code> unless you really mean this.
          </span>
        </p>
      )}
      <PolicyTester />
      {problem && <ProblemText problem={problem} />}
      <div className="two">
        <PatternList name="deny" patterns={policy?.view.deny ?? null} onChange={save} />
        <PatternList name="allow" patterns={policy?.view.allow ?? null} onChange={save} />
      </div>
      <PolicyGrants grants={policy?.view.grants ?? []} onChange={change} />
      <PolicyHistory version={policy?.view.version ?? null} onChange={change} />
    </>
  );
}
