import { useCallback, useEffect, useState } from 'react';
import type { OneTimeCodes as Codes } from '@megabot/contracts/endpoints/interlock.ts';
import { revealed } from '../text/invisible.ts';
import { clock } from '../text/time.ts';
import type { ApiProblem, CodeHolder } from '../wire/api.ts';
import { useApp } from './context.ts';
import { Enrolment, type FreshSecret } from './enrolment.tsx';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';

interface Row extends CodeHolder {
  /** Named as an admin in the configuration; codes of anybody else decide nothing. */
  readonly listed: boolean;
  readonly codes: Codes | null;
}
interface Enrolling {
  readonly holder: CodeHolder;
  /** Null where it was shown before: it is told once. */
  readonly secret: FreshSecret | null;
}

/** Who of a messenger's admins has one-time codes: set up with a QR code, proved by a first code, taken away. */
export function OneTimeCodes() {
  const { controller } = useApp();
  const [rows, setRows] = useState<readonly Row[] | null>(null);
  const [enrolling, setEnrolling] = useState<Enrolling | null>(null);
  const [asked, setAsked] = useState<string | null>(null);
  const [said, setSaid] = useState('');
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const read = useCallback(async () => {
    const result = await controller.attempt(controller.api.oneTimeCodes().then(({ admins, enrolled }) => setRows(rowsOf(admins, enrolled))));
    if (result) setProblem(result);
  }, [controller]);
  useEffect(() => void read(), [read]);

  const enrol = async (holder: CodeHolder) => {
    setSaid('');
    const result = await controller.attempt(controller.api.enrolCodes(holder).then((secret) => setEnrolling({ holder, secret })));
    setProblem(result);
    await read();
  };
  const remove = async (holder: CodeHolder) => {
    const result = await controller.attempt(controller.api.removeCodes(holder));
    setProblem(result);
    setAsked(null);
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
        Without codes, approvals are decided on this page alone.
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
            <li key={name} className="holder">
              <div>
                <p>
                  <code>{name}</code>
                </p>
                <p className="quiet">{standing(row, controller.api.serverNow())}</p>
              </div>
              {row.listed && !row.codes?.confirmed && (
                <button type="button" aria-label={row.codes ? `Start again with codes for ${name}` : `Set up codes for ${name}`} onClick={() => void enrol(row)}>
                  {row.codes ? 'Start again' : 'Set up'}
                </button>
              )}
              {row.listed && row.codes?.confirmed === false && !(enrolling && nameOf(enrolling.holder) === name) && (
                <button type="button" className="plain" aria-label={`Confirm codes of ${name}`} onClick={() => setEnrolling({ holder: row, secret: null })}>
                  Confirm
                </button>
              )}
              {row.codes &&
                (asked === name ? (
                  <span className="row">
                    <button type="button" onClick={() => void remove(row)}>
                      Remove for good
                    </button>
                    <button type="button" className="plain" onClick={() => setAsked(null)}>
                      Keep
                    </button>
                  </span>
                ) : (
                  <button type="button" className="plain" aria-label={`Remove codes of ${name}`} onClick={() => setAsked(name)}>
                    Remove…
                  </button>
                ))}
            </li>
          );
        })}
      </ul>
      {problem && <ProblemText problem={problem} />}
      <p className="quiet" role="status">
        {said}
      </p>
      {enrolling && <Enrolment key={`${nameOf(enrolling.holder)} ${enrolling.secret?.uri ?? ''}`} holder={enrolling.holder} name={nameOf(enrolling.holder)} secret={enrolling.secret} onDone={() => void close(`${nameOf(enrolling.holder)} can decide with codes from now on.`)} onCancel={() => void close('')} />}
    </section>
  );
}

/** A holder with nothing hidden: ids are what a messenger says. */
const nameOf = ({ platform, sender }: CodeHolder): string => revealed(`${platform} ${sender}`);

function rowsOf(admins: readonly CodeHolder[], enrolled: readonly Codes[]): readonly Row[] {
  const same = (a: CodeHolder, b: CodeHolder) => a.platform === b.platform && a.sender === b.sender;
  const listed = admins.map(({ platform, sender }): Row => ({ platform, sender, listed: true, codes: enrolled.find((one) => same(one, { platform, sender })) ?? null }));
  const others = enrolled.filter((one) => !admins.some((admin) => same(admin, one))).map((codes): Row => ({ platform: codes.platform, sender: codes.sender, listed: false, codes }));
  return [...listed, ...others];
}

function standing({ listed, codes }: Row, now: number): string {
  if (!listed) return 'No longer an admin: these codes decide nothing. Remove them.';
  if (!codes) return 'No codes yet: cannot decide from the messenger.';
  if (!codes.confirmed) return `Made ${clock(codes.enrolledAt, now)}, and not in use: it waits ten minutes for a first code.`;
  return `In use since ${clock(codes.enrolledAt, now)}; ${codes.lastUsedAt === null ? 'no code was taken yet' : `last code taken ${clock(codes.lastUsedAt, now)}`}.`;
}
