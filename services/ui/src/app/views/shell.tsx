import { useEffect, useState } from 'react';
import { parseRoute, type Route } from '../route.ts';
import { pendingApprovals } from '../state/selectors.ts';
import { ActivityPage } from './activity-page.tsx';
import { ApprovalsPage } from './approvals-page.tsx';
import { Banners } from './banners.tsx';
import { ChatPage } from './chat-page.tsx';
import { useApp } from './context.ts';
import { FilesPage } from './files-page.tsx';
import { HealthPage } from './health-page.tsx';
import { Icon } from './icons.tsx';
import { MemoryPage } from './memory-page.tsx';
import { MessengersPage } from './messengers-page.tsx';
import { PendingDrawer } from './pending-drawer.tsx';
import { PolicyPage } from './policy-page.tsx';
import { Rail } from './rail.tsx';
import { Shortcuts } from './shortcuts.tsx';

/** Rail, page, banners, and the pending approvals that are one key away from everywhere. */
export function Shell() {
  const { state, controller, preferences } = useApp();
  const route = useRoute();
  const [drawer, setDrawer] = useState(false);
  const [pendingOpen, setPendingOpen] = useState(false);
  const [help, setHelp] = useState(false);
  const pending = pendingApprovals(state).length;
  const conversation = route.page === 'chat' ? route.conversation : null;

  useEffect(() => setDrawer(false), [route]);
  useEffect(() => {
    if (conversation !== null) controller.open(conversation);
  }, [conversation, controller]);
  useEffect(() => {
    document.title = pending > 0 ? `(${pending}) MegaBot` : 'MegaBot';
  }, [pending]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey || event.metaKey || event.isComposing) return;
      if (event.key === 'Escape') setDrawer(false);
      const plain = !event.ctrlKey && preferences.singleKeys && !isTyping(event.target);
      if (event.key === '.' && (plain || event.ctrlKey)) setPendingOpen(true);
      else if (event.key === '?' && plain) setHelp(true);
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [preferences.singleKeys]);

  const pendingButton = (
    <button type="button" className={`pending-button${pending > 0 ? ' waiting' : ''}`} onClick={() => setPendingOpen(true)} aria-haspopup="dialog">
      <Icon name="lock" />
      <span className="visually-hidden">Pending approvals: {pending === 0 ? 'none' : pending}</span>
      <span className="pending-word" aria-hidden="true">Pending</span>
      <span className="count" aria-hidden="true">{pending}</span>
    </button>
  );
  const menuButton = (
    <button type="button" className="icon-button menu-button" aria-label="Menu" aria-expanded={drawer} aria-controls="rail" onClick={() => setDrawer(!drawer)}>
      <Icon name="menu" size={18} />
    </button>
  );
  return (
    <div className={`shell${drawer ? ' with-drawer' : ''}`}>
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>
        Skip to content
      </a>
      <Rail route={route} onHelp={() => setHelp(true)} />
      <button type="button" className="veil" aria-label="Close menu" tabIndex={-1} onClick={() => setDrawer(false)} />
      <main id="main" tabIndex={-1}>
        <Banners />
        <Page route={route} menuButton={menuButton} pendingButton={pendingButton} />
      </main>
      <PendingDrawer open={pendingOpen} onClose={() => setPendingOpen(false)} />
      <Shortcuts open={help} onClose={() => setHelp(false)} />
    </div>
  );
}

function Page({ route, menuButton, pendingButton }: { route: Route; menuButton: React.ReactNode; pendingButton: React.ReactNode }) {
  if (route.page === 'chat') return <ChatPage key={route.conversation} conversation={route.conversation} menuButton={menuButton} pendingButton={pendingButton} />;
  const titles = { approvals: 'Approvals', policy: 'Policy', memory: 'Memory', messengers: 'Messengers', files: 'Files', activity: 'Activity', health: 'Health' } as const;
  return (
    <>
      <header className="bar">
        {menuButton}
        <h1>{titles[route.page]}</h1>
        <span className="spring" />
        {pendingButton}
      </header>
      <div className="page"><PageBody route={route} /></div>
    </>
  );
}

function PageBody({ route }: { route: Exclude<Route, { page: 'chat' }> }) {
  switch (route.page) {
    case 'approvals':
      return <ApprovalsPage wanted={route.approval} />;
    case 'files':
      return <FilesPage key={route.conversation} conversation={route.conversation} />;
    case 'policy':
      return <PolicyPage />;
    case 'memory':
      return <MemoryPage />;
    case 'messengers':
      return <MessengersPage />;
    case 'activity':
      return <ActivityPage />;
    case 'health':
      return <HealthPage />;
  }
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const onChange = () => setRoute(parseRoute(location.hash));
    window.addEventListener('hashchange', onChange);
    return () => window.removeEventListener('hashchange', onChange);
  }, []);
  return route;
}

const isTyping = (target: EventTarget | null): boolean => target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));
