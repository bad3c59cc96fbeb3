import { useState, type FormEvent } from 'react';
import type { RecalledItem } from '@megabot/contracts/memory-item.ts';
import type { ApiProblem } from '../wire/api.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';

/** What MegaBot was told to remember: add, look for, forget. */
export function MemoryPage() {
  const { controller } = useApp();
  const [query, setQuery] = useState('');
  const [note, setNote] = useState('');
  const [found, setFound] = useState<{ query: string; items: readonly RecalledItem[] } | null>(null);
  const [said, setSaid] = useState('');
  const [asked, setAsked] = useState<string | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);

  const remember = async (event: FormEvent) => {
    event.preventDefault();
    if (note.trim() === '') return;
    const result = await controller.attempt(controller.api.remember(note.trim()));
    setProblem(result);
    if (result) return;
    setNote('');
    setSaid('Remembered.');
  };
  const search = async (event: FormEvent) => {
    event.preventDefault();
    if (query.trim() === '') return;
    setSaid('');
    setProblem(await controller.attempt(controller.api.recall(query.trim()).then((items) => setFound({ query: query.trim(), items }))));
  };
  const forget = async (id: string) => {
    const result = await controller.attempt(controller.api.forget(id));
    setProblem(result);
    setAsked(null);
    if (result) return;
    setFound((present) => present && { ...present, items: present.items.filter((item) => item.id !== id) });
    setSaid('Forgotten.');
  };
  return (
    <>
      <p className="lead">What is remembered stays on this machine. MegaBot looks here when it answers.</p>
      <form className="panel" onSubmit={(event) => void remember(event)}>
        <h2>
          <Icon name="plus" />
          Remember
        </h2>
        <label className="visually-hidden" htmlFor="note">
          Something to remember
        </label>
        <textarea id="note" rows={2} value={note} maxLength={16_384} placeholder="The backup disk is the grey one." onChange={(event) => setNote(event.target.value)} />
        <div className="row">
          <button type="submit" aria-disabled={note.trim() === ''}>
            Remember
          </button>
          <span className="quiet" role="status">
            {said}
          </span>
          <span className="spring" />
          <a href="/api/v1/memory/export" download="megabot-memory.json">
            Export all
          </a>
        </div>
      </form>
      <section className="panel" aria-labelledby="search-title">
        <h2 id="search-title">
          <Icon name="memory" />
          Search
        </h2>
        <form className="inline-form" role="search" onSubmit={(event) => void search(event)}>
          <label className="visually-hidden" htmlFor="query">
            Search in memory
          </label>
          <input id="query" value={query} maxLength={4_096} placeholder="backup" onChange={(event) => setQuery(event.target.value)} />
          <button type="submit">Search</button>
        </form>
        {problem && <ProblemText problem={problem} />}
        {found?.items.length === 0 && <p className="quiet">Nothing fits “{found.query}”.</p>}
        <ul className="rows">
          {found?.items.map((item) => (
            <li key={item.id} className="memory">
              <div>
                <p>{item.text}</p>
                <p className="quiet">{item.why}</p>
              </div>
              {asked === item.id ? (
                <span className="row">
                  <button type="button" onClick={() => void forget(item.id)}>
                    Forget for good
                  </button>
                  <button type="button" className="plain" onClick={() => setAsked(null)}>
                    Keep
                  </button>
                </span>
              ) : (
                <button type="button" className="plain" onClick={() => setAsked(item.id)}>
                  Forget…
                </button>
              )}
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
