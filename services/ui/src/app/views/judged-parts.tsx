import type { JudgedPart, Verdict } from '@megabot/contracts/policy.ts';
import { revealed } from '../text/invisible.ts';
import { Icon, type IconName } from './icons.tsx';
import { ReasonText } from './reason-text.tsx';

const verdicts: Readonly<Record<Verdict, { readonly icon: IconName; readonly word: string }>> = {
  allow: { icon: 'check', word: 'Allowed' },
  ask: { icon: 'lock', word: 'Asks' },
  deny: { icon: 'cross', word: 'Denied' },
};

/** The commands that the policy found in a line: each with its verdict, the rule it comes from, and where it stands. */
export function JudgedParts({ parts, title }: { parts: readonly JudgedPart[]; title: string }) {
  if (parts.length === 0) return null;
  return (
    <div className="parts">
      <h3>{title}</h3>
      <ol>
        {parts.map((part, index) => (
          <li key={index} className={`part ${part.verdict}`}>
            <span className="part-verdict">
              <Icon name={verdicts[part.verdict].icon} size={14} />
              {verdicts[part.verdict].word}
            </span>
            <span className="part-words">
              <code>{revealed(part.words.join(' '))}</code>
              <span className="quiet">
                {part.rule !== null && (
                  <>
                    {part.rule.list} rule {part.rule.index + 1}, <code>{part.rule.pattern}</code>;{' '}
                  </>
                )}
                <ReasonText text={part.reason} /> (characters {part.start + 1} to {part.end})
              </span>
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** What a person should notice before anything else. */
export function Warnings({ warnings }: { warnings: readonly string[] }) {
  if (warnings.length === 0) return null;
  return (
    <ul className="warnings" aria-label="Warnings">
      {warnings.map((warning) => (
        <li key={warning}>
          <Icon name="alert" size={15} />
          <span>
            <ReasonText text={warning} />
          </span>
        </li>
      ))}
    </ul>
  );
}
