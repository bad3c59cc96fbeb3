import { useEffect, useId, useMemo, useRef, useState, type FormEvent } from 'react';
import { inGroups, secretOf } from '../text/otpauth.ts';
import { qrShape } from '../text/qr.ts';
import type { ApiProblem, CodeHolder } from '../wire/api.ts';
import { useApp } from './context.ts';
import { CopyButton } from './copy-button.tsx';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';
import { useTimeLeft } from './use-time-left.ts';

export interface FreshSecret {
  readonly uri: string;
  readonly expiresAt: number;
}

/** A new secret, shown this once and kept nowhere in the page, and the first code that puts it into use. */
export function Enrolment({ holder, name, secret, onDone, onCancel }: { holder: CodeHolder; name: string; secret: FreshSecret | null; onDone: () => void; onCancel: () => void }) {
  const { controller } = useApp();
  const ids = useId();
  const title = useRef<HTMLHeadingElement>(null);
  const [code, setCode] = useState('');
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const left = useTimeLeft(secret?.expiresAt ?? null, controller.api.serverNow);
  useEffect(() => title.current?.focus(), []);
  const digits = code.replaceAll(/\s/g, '');
  const ready = /^\d{6}$/.test(digits) && !sending;
  const confirm = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    setSending(true);
    const result = await controller.attempt(controller.api.confirmCodes(holder, digits));
    setSending(false);
    setProblem(result);
    if (result) setCode('');
    else onDone();
  };
  return (
    <div className="enrolment">
      <h3 ref={title} tabIndex={-1}>
        {secret ? 'New codes for' : 'First code of'} <code>{name}</code>
      </h3>
      {left === null ? (
        <p className="problem" role="status">
          <Icon name="clock" />
          <span>The ten minutes are over, and this secret does not count. Delete it in the app, then start again here.</span>
        </p>
      ) : (
        <>
          {secret ? <SecretToScan uri={secret.uri} left={left} /> : <p className="quiet">The secret was shown once and is not shown again. If an app has it, type the code that it shows now; otherwise start again.</p>}
          <form className="first-code" onSubmit={(event) => void confirm(event)}>
            <label htmlFor={`${ids}-code`}>The six digits that the app shows</label>
            <input id={`${ids}-code`} className="mono" value={code} maxLength={9} inputMode="numeric" autoComplete="one-time-code" spellCheck={false} onChange={(event) => setCode(event.target.value)} />
            <button type="submit" className="primary" aria-disabled={!ready}>
              Put into use
            </button>
          </form>
        </>
      )}
      {problem && <ProblemText problem={problem} />}
      <button type="button" className="plain leave" onClick={onCancel}>
        {left === null ? 'Close' : 'Leave it for now'}
      </button>
    </div>
  );
}

function SecretToScan({ uri, left }: { uri: string; left: string }) {
  const { size, path } = useMemo(() => qrShape(uri), [uri]);
  const secret = secretOf(uri);
  return (
    <div className="secret">
      {/* Dark on white in both themes: many readers do not know the reverse. */}
      <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label="QR code of the secret" shapeRendering="crispEdges">
        <rect width={size} height={size} fill="#fff" />
        <path d={path} fill="#000" />
      </svg>
      <div>
        <p>Scan this with an authenticator app of the person who shall decide. It is shown this once, and must be confirmed within {left}.</p>
        {secret !== null && (
          <p>
            Or type the secret: <code className="typed-secret">{inGroups(secret)}</code> <CopyButton text={secret} what="secret" />
            <span className="quiet"> Time-based, six digits, every 30 seconds.</span>
          </p>
        )}
        <p className="quiet">Whoever has it can make the codes: send it through no messenger.</p>
      </div>
    </div>
  );
}
