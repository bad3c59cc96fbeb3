import type { Outgoing } from '../state/state.ts';
import { useApp } from './context.ts';
import { Entry } from './chat-turn.tsx';
import { Icon } from './icons.tsx';

/** A message that is not known to be stored: it says so, and nothing of it is lost. */
export function OutgoingMessage({ message, onEdit }: { message: Outgoing; onEdit: () => void }) {
  const { state, controller } = useApp();
  const edit = () => {
    controller.drop(message.id);
    onEdit();
  };
  return (
    <Entry who="You" said>
      <p className="said unsent">{message.text}</p>
      {message.state === 'sending' ? (
        <p className="sending">
          <Icon name="clock" size={13} />
          {state.connection === 'open' ? 'Sending' : 'Waits for the connection'}
        </p>
      ) : (
        <div className="not-sent" role="alert">
          <p>
            <Icon name="alert" size={14} />
            <span>
              <strong>Not stored.</strong> {message.problem}
            </span>
          </p>
          <button type="button" onClick={() => controller.resend(message)}>Send again</button>
          <button type="button" className="plain" onClick={edit}>Edit</button>
          <button type="button" className="plain" onClick={() => controller.drop(message.id)}>Discard</button>
        </div>
      )}
    </Entry>
  );
}
