import { useEffect, useRef, useState, type FormEvent } from 'react';
import { readHealth } from '../text/health.ts';
import type { ApiProblem } from '../wire/api.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';
import { ReasonText } from './reason-text.tsx';

/** What holds for the whole app at the moment: lockdown, a lost connection, warnings of policy and set-up, notices. */
export function Banners() {
  const { state, controller } = useApp();
  const lost = useLate(state.connection === 'lost', 700);
  const encryptionOff = useEncryptionOff();
  return (
    <div className="banners">
      {state.policy?.lockdown && <Lockdown />}
      {lost && (
        <p className="banner" role="status">
          <Icon name="plug" />
          <span>
            <strong>Reconnecting.</strong> What you send waits here, and what happened meanwhile is fetched: nothing is lost.
          </span>
        </p>
      )}
      {state.policy?.warnings.map((warning) => (
        <p className="banner warning" role="status" key={warning}>
          <Icon name="alert" />
          <span>
            <strong>Warning.</strong> <ReasonText text={warning} />
          </span>
        </p>
      ))}
      {encryptionOff && (
        <p className="banner warning" role="status">
          <Icon name="alert" />
          <span>
            <strong>Encryption is off</strong> for the native socket, because <code>MEGABOT_WS_PASSWORD</code> is empty.
          </span>
        </p>
      )}
      {state.notices.map((notice) => (
        <p className="banner" role={notice.tone === 'problem' ? 'alert' : 'status'} key={notice.id}>
          <Icon name={notice.tone === 'problem' ? 'alert' : 'info'} />
          <span>
            {notice.text} {notice.hint}
          </span>
          <button type="button" className="icon-button" aria-label="Dismiss" onClick={() => controller.dismiss(notice.id)}>
            <Icon name="close" size={14} />
          </button>
        </p>
      ))}
    </div>
  );
}

function Lockdown() {
  const { controller } = useApp();
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [asking, setAsking] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const token = field.current?.value.trim() ?? '';
    if (token !== '') setProblem(await controller.unlock(token));
  };
  return (
    <section className="banner lockdown" aria-label="Lockdown">
      <Icon name="octagon" size={18} />
      <div>
        <p>
          <strong>Lockdown.</strong> Nothing runs and nothing can be approved until you lift it by entering the token again.
        </p>
        {asking ? (
          <form className="inline-form" onSubmit={(event) => void submit(event)}>
            <label className="visually-hidden" htmlFor="unlock-token">
              Access token
            </label>
            <input id="unlock-token" ref={field} type="password" autoComplete="current-password" placeholder="Access token" autoFocus />
            <button type="submit">Lift lockdown</button>
            <button type="button" className="plain" onClick={() => setAsking(false)}>
              Keep it
            </button>
          </form>
        ) : (
          <button type="button" onClick={() => setAsking(true)}>
            Unlock…
          </button>
        )}
        {problem && <ProblemText problem={problem} />}
      </div>
    </section>
  );
}

/** True once `value` has been true for a while: a moment's flicker is not worth a banner. */
function useLate(value: boolean, ms: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!value) {
      setLate(false);
      return;
    }
    const timer = setTimeout(() => setLate(true), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return late;
}

function useEncryptionOff(): boolean {
  const { state, controller } = useApp();
  const [off, setOff] = useState(false);
  useEffect(() => {
    if (state.connection !== 'open') return;
    let current = true;
    controller.api.health().then(
      (health) => {
        if (current) setOff(readHealth(health).encryption === 'off');
      },
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [state.connection, controller]);
  return off;
}
