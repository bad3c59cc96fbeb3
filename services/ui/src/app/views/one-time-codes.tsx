import { useCallback, useEffect, useRef, useState } from 'react';
import { nameOf, rowsOf, type CodeRow } from '../text/code-words.ts';
import type { ApiProblem, CodeHolder } from '../wire/api.ts';
import { CodeHolderRow } from './code-holder.tsx';
import { useApp } from './context.ts';
import { Enrolment, type FreshSecret } from './enrolment.tsx';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';

interface Enrolling {
  readonly holder: CodeHolder;
  /** Null where it was shown before: it is told once. */
  readonly secret: FreshSecret | null;
}

/** Who of a messenger's admins has one-time codes: set up with a QR code, proved by a first code, taken away. */
export function OneTimeCodes() {
  const { controller } = useApp();
  const [rows, setRows] = useState<readonly CodeRow[] | null>(null);
  const [enrolling, setEnrolling] = useState<Enrolling | null>(null);
  const [said, setSaid] = useState('');
  const words = useRef<HTMLParagraphElement>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const read = useCallback(async () => {
    const result = await controller.attempt(controller.api.oneTimeCodes().then(({ admins, enrolled }) => setRows(rowsOf(admins, enrolled))));
    if (result) setProblem(result);
  }, [controller]);
  useEffect(() => void read(), [read]);
  // What was used to get here is gone from the page, and the keyboard must not fall back to its top.
  useEffect(() => {
    if (said !== '') words.current?.focus();
  }, [said]);

  const enrol = async (holder: CodeHolder) => {
    setSaid('');
    const result = await controller.attempt(controller.api.enrolCodes(holder).then((secret) => setEnrolling({ holder, secret })));
    setProblem(result);
    await read();
  };
  const remove = async (holder: CodeHolder) => {
    const result = await controller.attempt(controller.api.removeCodes(holder));
    setProblem(result);
    if (!result) {
      setEnrolling(null);
      setSaid(`${nameOf(holder)} has no codes any more, and decides nothing from the messenger.`);
    }
    await read();
  };
  const close = async (done: string) => {
    setEnrolling(null);
    setSaid(done);
    await read();
  };
  return (
    <section className="panel" aria-labelledby="codes-title">
      <h2 id="codes-title">
        <Icon name="lock" />
        One-time codes
      </h2>
      <p className="quiet">
        A sender in a messenger can be forged. So whoever decides an approval from there adds six digits from an authenticator app, as in <code>!approve k3f9qm 123456</code>.
        Without codes, approvals are decided in this UI alone.
      </p>
      {rows?.length === 0 && (
        <p className="note">
          <Icon name="info" />
          <span>
            No admin of a messenger is listed. Put an id under <code>admins</code> of its platform in <code>config/meta-config.yaml</code>; it then stands here.
          </span>
        </p>
      )}
      <ul className="rows">
        {rows?.map((row) => {
          const name = nameOf(row);
          return (
            <CodeHolderRow key={name} row={row} onEnrol={() => void enrol(row)} onConfirm={() => setEnrolling({ holder: row, secret: null })} onRemove={() => void remove(row)}>
              {enrolling && nameOf(enrolling.holder) === name && (
                <Enrolment key={enrolling.secret?.uri ?? ''} holder={enrolling.holder} name={name} secret={enrolling.secret} onDone={() => void close(`${name} can decide with codes from now on.`)} onCancel={() => void close('')} />
              )}
            </CodeHolderRow>
          );
        })}
      </ul>
      {problem && <ProblemText problem={problem} />}
      <p className="quiet" role="status" ref={words} tabIndex={-1}>
        {said}
      </p>
    </section>
  );
}
