import { useEffect } from 'react';
import { routeHash } from '../route.ts';
import type { ShownApproval } from '../state/state.ts';
import { revealed } from '../text/invisible.ts';
import { platformName } from '../text/platform-words.ts';
import { guestOf } from '../text/principal-words.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { Quote } from './quote.tsx';
import { titleOf } from '../text/title.ts';

/** Who behind a messenger asked, and in which chat; nothing for what was asked for elsewhere. */
export function Provenance({ approval }: { approval: ShownApproval }) {
  const { state } = useApp();
  const guest = guestOf(approval.requestedBy);
  if (!guest) return null;
  const conversation = state.conversations.find((one) => one.id === approval.conversation) ?? { id: approval.conversation, title: '' };
  return (
    <p className="provenance">
      <Icon name="messengers" size={15} />
      <span>
        <strong>Asked for on {platformName(guest.platform)}</strong> by <code>{revealed(guest.sender)}</code>
        {guest.account !== 'default' && (
          <>
            , over the account <code>{revealed(guest.account)}</code>
          </>
        )}
        , in <a href={routeHash({ page: 'chat', conversation: conversation.id })}><bdi>{titleOf(conversation)}</bdi></a>. Names there can be forged: judge what would run, not who asks.
      </span>
    </p>
  );
}

/** What that person wrote, as a quotation. It stands below the facts, because it is a claim. */
export function AskedWith({ approval }: { approval: ShownApproval }) {
  const { state, controller } = useApp();
  const foreign = guestOf(approval.requestedBy) !== null;
  const { conversation, turnId } = approval;
  const loaded = state.loaded[conversation] === true;
  useEffect(() => {
    if (foreign && !loaded) controller.load(conversation);
  }, [foreign, loaded, conversation, controller]);
  if (!foreign) return null;
  const message = state.messages[conversation]?.find((one) => one.turnId === turnId && one.role === 'user');
  if (!message && !loaded) return null;
  return (
    <div className="asked-with">
      <h3>What was written there, word for word</h3>
      {message ? <Quote text={message.text} label="What was written there" /> : <p className="quiet">It is not among the newest messages of that chat. The link above leads there.</p>}
    </div>
  );
}
