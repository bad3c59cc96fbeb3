import type { PlatformReport } from '@megabot/contracts/bridge-report.ts';
import { revealed } from '../text/invisible.ts';
import { platformName, platformWords } from '../text/platform-words.ts';
import { Icon } from './icons.tsx';

const mostIds = 12;

const sample = `bridges:
  openclaw:
    platforms:
      telegram:
        allowFrom: ["123456789"]`;

const isOpen = ({ enabled, allowFrom }: PlatformReport): boolean => enabled && allowFrom.length > 0;

/** Whom the owner lets in from each messenger, and how far. It is changed in the file alone, so nothing here can widen it. */
export function Platforms({ platforms }: { platforms: readonly PlatformReport[] | undefined }) {
  return (
    <section className="panel" aria-labelledby="platforms-title">
      <h2 id="platforms-title">
        <Icon name="policy" />
        Who is answered
        {platforms && <span className="count">{platforms.length}</span>}
      </h2>
      {platforms === undefined && <p className="quiet">The rules cannot be read at the moment. Nobody is let in without them.</p>}
      {platforms?.length === 0 && (
        <>
          <p>Nobody: no messenger has rules yet. The least that lets one person in, with the id that the messenger gives them:</p>
          <pre className="sample" tabIndex={0} aria-label="Example of rules">{sample}</pre>
        </>
      )}
      {platforms && platforms.length > 0 && (
        <ul className="rows platforms">
          {platforms.toSorted((a, b) => Number(isOpen(b)) - Number(isOpen(a)) || a.name.localeCompare(b.name)).map((platform) => (
            <Platform key={platform.name} platform={platform} />
          ))}
        </ul>
      )}
      <p className="quiet">
        Set in <code>config/meta-config.yaml</code> under <code>bridges.openclaw.platforms</code>, which is read again when you save it.
      </p>
    </section>
  );
}

function Platform({ platform }: { platform: PlatformReport }) {
  const words = platformWords(platform);
  const open = isOpen(platform);
  return (
    <li className="platform">
      <Icon name={open ? 'check' : 'cross'} size={14} />
      <div>
        <p>
          <strong>{platformName(platform.name)}</strong> {words.answers}
        </p>
        <Ids name="Listed" ids={platform.allowFrom} />
        <Ids name="Admins" ids={platform.admins} />
        {open && (
          <p className="quiet">
            {words.approvals} {words.limits}
          </p>
        )}
      </div>
    </li>
  );
}

function Ids({ name, ids }: { name: string; ids: readonly string[] }) {
  if (ids.length === 0) return null;
  return (
    <p className="ids">
      <span className="quiet">{name}:</span>
      {ids.slice(0, mostIds).map((id) => (
        <code key={id}>{revealed(id)}</code>
      ))}
      {ids.length > mostIds && <span className="quiet">and {ids.length - mostIds} more</span>}
    </p>
  );
}
