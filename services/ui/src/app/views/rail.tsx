import type { Conversation } from '@megabot/contracts/conversation.ts';
import { routeHash, type Route } from '../route.ts';
import { pendingApprovals } from '../state/selectors.ts';
import { useApp } from './context.ts';
import { Icon, Mark, type IconName } from './icons.tsx';
import { MessengerMark } from './messenger-mark.tsx';
import { titleOf } from '../text/title.ts';

const pages: readonly { readonly page: Exclude<Route['page'], 'chat' | 'files'>; readonly name: string; readonly icon: IconName }[] = [
  { page: 'approvals', name: 'Approvals', icon: 'lock' },
  { page: 'policy', name: 'Policy', icon: 'policy' },
  { page: 'memory', name: 'Memory', icon: 'memory' },
  { page: 'messengers', name: 'Messengers', icon: 'messengers' },
  { page: 'activity', name: 'Activity', icon: 'activity' },
  { page: 'health', name: 'Health', icon: 'health' },
];

/** Conversations above, pages below; a drawer where the window is narrow. */
export function Rail({ route, onHelp }: { route: Route; onHelp: () => void }) {
  const { state, controller, preferences, setPreferences } = useApp();
  const pending = pendingApprovals(state);
  const waitingCount = pending.length;
  const waiting = new Set(pending.map((approval) => approval.conversation));
  const current = route.page === 'chat' || route.page === 'files' ? route.conversation : null;
  const listed: readonly Pick<Conversation, 'id' | 'title' | 'messenger'>[] = state.conversations.some((conversation) => conversation.id === 'default')
    ? state.conversations
    : [{ id: 'default', title: '' }, ...state.conversations];
  const create = async () => {
    const made = await controller.create();
    if (typeof made === 'string') location.hash = routeHash({ page: 'chat', conversation: made });
  };
  const themes = { system: ['auto', 'Theme: system', 'light'], light: ['sun', 'Theme: light', 'dark'], dark: ['moon', 'Theme: dark', 'system'] } as const;
  const [themeIcon, themeName, nextTheme] = themes[preferences.theme];
  return (
    <nav id="rail" className="rail" aria-label="Conversations and pages">
      <div className="brand">
        <Mark />
        <span>MegaBot</span>
      </div>
      <button type="button" className="new" onClick={() => void create()}>
        <Icon name="plus" />
        New conversation
      </button>
      <ul className="conversations" aria-label="Conversations">
        {listed.map((conversation) => (
          <li key={conversation.id}>
            <a href={routeHash({ page: 'chat', conversation: conversation.id })} aria-current={conversation.id !== current ? undefined : route.page === 'chat' ? 'page' : 'true'}>
              <bdi className="name" title={titleOf(conversation)}>{titleOf(conversation)}</bdi>
              {conversation.messenger && <MessengerMark chat={conversation.messenger} />}
              {waiting.has(conversation.id) && (
                <span className="flag">
                  <Icon name="lock" size={13} />
                  waits
                </span>
              )}
            </a>
          </li>
        ))}
      </ul>
      <ul className="pages" aria-label="Pages">
        {pages.map(({ page, name, icon }) => (
          <li key={page}>
            <a href={routeHash({ page })} aria-current={route.page === page ? 'page' : undefined}>
              <Icon name={icon} />
              <span className="name">{name}</span>
              {page === 'approvals' && waitingCount > 0 && (
                <span className="count">
                  {waitingCount}
                  <span className="visually-hidden"> pending</span>
                </span>
              )}
            </a>
          </li>
        ))}
      </ul>
      <div className="rail-foot">
        <button type="button" className="icon-button" aria-label={`${themeName}. Change`} title={themeName} onClick={() => setPreferences({ ...preferences, theme: nextTheme })}>
          <Icon name={themeIcon} />
        </button>
        <button type="button" className="icon-button" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onClick={onHelp}>
          <Icon name="keyboard" />
        </button>
        <span className="spring" />
        <button type="button" className="plain" onClick={() => void controller.signOut()}>
          <Icon name="exit" />
          Sign out
        </button>
      </div>
    </nav>
  );
}
