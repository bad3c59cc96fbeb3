import { useId, useState, type FormEvent, type Ref } from 'react';
import type { ShownApproval } from '../state/state.ts';
import { exactRule, mayLast } from '../text/scope-words.ts';
import type { Scope } from '../wire/api.ts';
import { Icon } from './icons.tsx';
import { Oddities } from './revealed-text.tsx';

export type Sent = 'reject' | Scope | 'edit';

interface DecisionProps {
  readonly approval: ShownApproval;
  /** Whether anything may be decided now, and whether approving may. */
  readonly ready: boolean;
  readonly mayApprove: boolean;
  readonly sent: Sent | null;
  readonly shortage: string | null;
  readonly rejectButton: Ref<HTMLButtonElement>;
  readonly onApprove: (scope: Scope) => void;
  readonly onReject: (reason?: string) => void;
  readonly onEdit: (command: string) => void;
}

type Panel = 'reason' | 'always' | 'edit' | null;

/** The buttons of a card. Rejecting comes first; what lasts longer than this once says what it leaves behind before it is done. */
export function ApprovalDecision(props: DecisionProps) {
  const { approval, ready, mayApprove, sent, shortage } = props;
  const [panel, setPanel] = useState<Panel>(null);
  const rule = exactRule(approval);
  const toggle = (one: Exclude<Panel, null>) => setPanel(panel === one ? null : one);
  return (
    <>
      <div className="decision" role="group" aria-label={`Decision on ${approval.shortId}`}>
        <button type="button" className="reject" ref={props.rejectButton} aria-disabled={!ready} aria-keyshortcuts="n" onClick={() => props.onReject()}>
          <Icon name="cross" size={15} />
          {sent === 'reject' ? 'Rejecting…' : 'Reject'}
        </button>
        <button type="button" className="primary approve" aria-disabled={!mayApprove} aria-keyshortcuts="y" onClick={() => props.onApprove('once')}>
          <Icon name="check" size={15} />
          {sent === 'once' ? 'Approving…' : 'Approve once'}
        </button>
        {mayLast(approval) && (
          <button type="button" aria-disabled={!mayApprove} onClick={() => props.onApprove('conversation')}>
            {sent === 'conversation' ? 'Allowing…' : 'For this conversation'}
          </button>
        )}
        {rule !== null && (
          <button type="button" aria-disabled={!mayApprove} aria-expanded={panel === 'always'} onClick={() => mayApprove && toggle('always')}>
            Always…
          </button>
        )}
        {shortage && <span className="shortage">{shortage}</span>}
        <span className="more-ways">
          <button type="button" className="plain" aria-expanded={panel === 'reason'} onClick={() => toggle('reason')}>
            Say why not…
          </button>
          {approval.kind === 'shell' && (
            <button type="button" className="plain" aria-expanded={panel === 'edit'} aria-disabled={!approval.complete} onClick={() => approval.complete && toggle('edit')}>
              <Icon name="pencil" size={14} />
              Edit…
            </button>
          )}
        </span>
      </div>
      {panel === 'always' && rule !== null && (
        <div className="panel-inline">
          <p>
            From now on exactly this command runs without asking, in every conversation. It becomes the allow rule <code>{rule}</code>, which the Policy page can take out again.
          </p>
          <button type="button" aria-disabled={!mayApprove} onClick={() => props.onApprove('always')}>
            {sent === 'always' ? 'Adding…' : 'Add the rule and run it'}
          </button>
        </div>
      )}
      {panel === 'reason' && <ReasonForm ready={ready} onReject={props.onReject} />}
      {panel === 'edit' && <EditForm command={approval.command} ready={ready} sent={sent === 'edit'} onEdit={props.onEdit} />}
    </>
  );
}

function ReasonForm({ ready, onReject }: { ready: boolean; onReject: (reason: string) => void }) {
  const id = useId();
  const [reason, setReason] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready && reason.trim() !== '') onReject(reason.trim());
  };
  return (
    <form className="panel-inline" onSubmit={submit}>
      <label htmlFor={id}>Why not? MegaBot is told, and can do better.</label>
      <input id={id} value={reason} maxLength={1_000} autoFocus onChange={(event) => setReason(event.target.value)} />
      <button type="submit" aria-disabled={!ready || reason.trim() === ''}>
        Reject with this reason
      </button>
    </form>
  );
}

function EditForm({ command, ready, sent, onEdit }: { command: string; ready: boolean; sent: boolean; onEdit: (command: string) => void }) {
  const id = useId();
  const [text, setText] = useState(command);
  const usable = ready && text.trim() !== '' && text !== command;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (usable) onEdit(text);
  };
  return (
    <form className="panel-inline" onSubmit={submit}>
      <label htmlFor={id}>The command as you would have it. It is judged anew, as a proposal of its own; this one ends.</label>
      <textarea id={id} className="mono" value={text} rows={Math.min(12, Math.max(2, text.split('\n').length))} maxLength={65_536} spellCheck={false} autoCapitalize="none" autoComplete="off" autoFocus onChange={(event) => setText(event.target.value)} />
      <Oddities text={text} say={(note) => `In the text above: ${note.replace('spelled out as \\u{…}', 'in it, and a field cannot show them')}`} />
      <button type="submit" aria-disabled={!usable}>
        {sent ? 'Judging…' : 'Judge this instead'}
      </button>
    </form>
  );
}
