import { useEffect, useState } from 'react';
import { signInCode } from '../route.ts';
import type { Controller } from '../state/controller.ts';
import { keepPreferences, keptPreferences, type Preferences } from '../state/keep.ts';
import type { State } from '../state/state.ts';
import { useStore, type Store } from '../state/store.ts';
import { AppContext } from './context.ts';
import { Mark } from './icons.tsx';
import { Shell } from './shell.tsx';
import { SignIn } from './sign-in.tsx';

/** The whole app: signing in, or the shell with its pages. */
export function App({ store, controller }: { store: Store; controller: Controller }) {
  const state = useStore(store);
  const [preferences, setPreferences] = useState(keptPreferences);
  const [code] = useState(takeCode);
  useEffect(() => {
    if (code === null) void controller.start();
  }, [code, controller]);
  const choose = (next: Preferences) => {
    setPreferences(next);
    keepPreferences(next);
    if (next.theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = next.theme;
  };
  return (
    <AppContext value={{ state, controller, preferences, setPreferences: choose }}>
      {state.session === 'in' ? <Shell /> : state.session === 'out' || code !== null ? <SignIn code={code} /> : <Waiting unreachable={state.session === 'unreachable'} refusal={state.refusal} />}
    </AppContext>
  );
}

function Waiting({ unreachable, refusal }: { unreachable: boolean; refusal: State['refusal'] }) {
  return (
    <main className="gate">
      <div className="gate-box" role="status">
        <Mark size={36} />
        {refusal ? (
          <>
            <h1>MegaBot refuses this page</h1>
            <p>{refusal.text}</p>
            <p className="quiet">{refusal.hint}</p>
          </>
        ) : unreachable ? (
          <>
            <h1>MegaBot is not answering</h1>
            <p>This page works, but the gateway behind it cannot be reached. Trying again every two seconds.</p>
            <p className="quiet">
              On the machine it runs on, <code>make ps</code> shows what is down.
            </p>
          </>
        ) : (
          <p className="quiet late">Looking for your session…</p>
        )}
      </div>
    </main>
  );
}

// The code works once, so it leaves the address (and the history) before anything else happens.
let taken: string | null | undefined;
function takeCode(): string | null {
  if (taken !== undefined) return taken;
  taken = signInCode(location.hash);
  if (taken !== null) history.replaceState(null, '', location.pathname);
  return taken;
}
