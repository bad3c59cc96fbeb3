import type { BridgeReport } from '@megabot/contracts/bridge-report.ts';
import { revealed } from '../text/invisible.ts';
import { destinations } from '../text/platform-words.ts';
import { Icon } from './icons.tsx';

/** What leaves this machine through a bridge, and where to. */
export function DataNotice({ bridge }: { bridge: BridgeReport }) {
  const places = bridge.platforms && destinations(bridge.platforms);
  return (
    <section className="panel" aria-labelledby="leaves-title">
      <h2 id="leaves-title">
        <Icon name="exit" />
        What leaves this machine
      </h2>
      {bridge.state === 'off' && <p className="meaning">Nothing, as long as the bridge is off. What it would be, once you turn it on:</p>}
      {(bridge.state === 'waiting' || bridge.state === 'refused' || bridge.state === 'connecting') && <p className="meaning">Nothing at the moment, because it is not connected. Once it is:</p>}
      <dl className="told">
        <dt>What</dt>
        <dd>Answers to people whom you listed; messages to their chats that you approved or a rule lets through; of approvals that wait in their chats the command, its risk and the short id; and to anybody else one sentence, once.</dd>
        <dt>Where to</dt>
        <dd>
          OpenClaw{bridge.address !== undefined && <> at <code>{revealed(bridge.address)}</code></>}, and through it the company behind the messenger and everybody in that chat.
          {places && places.length > 0 && (
            <ul className="destinations" aria-label="Messengers">
              {places.map((place) => (
                <li key={place}>{place}</li>
              ))}
            </ul>
          )}
          {places?.length === 0 && ' So far to no messenger: nobody is listed.'}
        </dd>
        <dt>Kept</dt>
        <dd>By OpenClaw in files of its own, and by those companies: MegaBot can delete neither.</dd>
      </dl>
      <p className="quiet">
        Everything else that goes anywhere: <code>docs/data-flow.md</code>.
      </p>
    </section>
  );
}
