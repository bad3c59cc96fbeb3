import { useEffect, useRef, useState, type FormEvent } from 'react';
import type { ApiProblem } from '../wire/api.ts';
import { useApp } from './context.ts';
import { Mark } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';

/** Signing in with the token, or by the code of a link that `make up` printed. */
export function SignIn({ code }: { code: string | null }) {
  const { controller } = useApp();
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [busy, setBusy] = useState(code !== null);
  const field = useRef<HTMLInputElement>(null);
  const started = useRef(false);

  useEffect(() => {
    if (code === null || started.current) return;
    started.current = true;
    void controller.signIn({ code }).then(async (result) => {
      // A link opened a second time is no reason to lock out a browser that is signed in already.
      if (result) await controller.start();
      setBusy(false);
      setProblem(result);
    });
  }, [code, controller]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const token = field.current?.value.trim() ?? '';
    if (token === '' || busy) {
      field.current?.focus();
      return;
    }
    setBusy(true);
    const result = await controller.signIn({ token });
    setBusy(false);
    setProblem(result);
    field.current?.focus();
    field.current?.select();
  };

  return (
    <main className="gate">
      <form className="gate-box" onSubmit={(event) => void submit(event)}>
        <Mark size={36} />
        <h1>Sign in to MegaBot</h1>
        <label htmlFor="token">Access token</label>
        <input id="token" name="token" ref={field} type="password" autoComplete="current-password" spellCheck={false} autoFocus aria-describedby="token-help" aria-invalid={problem !== null} />
        {problem && <ProblemText problem={problem} />}
        <button className="primary" type="submit" aria-disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
        <p id="token-help" className="quiet">
          The token is in <code>secrets/</code> on the machine MegaBot runs on. <code>make up</code> also prints a link that signs you in once.
        </p>
      </form>
    </main>
  );
}
