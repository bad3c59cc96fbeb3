import type { PlatformReport } from '@megabot/contracts/bridge-report.ts';
import { revealed } from './invisible.ts';

/** What a messenger calls itself, and who carries its messages. */
const known: ReadonlyMap<string, readonly [name: string, carrier: string]> = new Map([
  ['telegram', ['Telegram', 'Telegram']],
  ['whatsapp', ['WhatsApp', 'Meta']],
  ['discord', ['Discord', 'Discord']],
  ['slack', ['Slack', 'Salesforce']],
  ['signal', ['Signal', 'Signal']],
  ['imessage', ['iMessage', 'Apple']],
  ['msteams', ['Microsoft Teams', 'Microsoft']],
  ['matrix', ['Matrix', 'the servers of the chat']],
  ['sms', ['SMS', 'the phone companies']],
]);

export const platformName = (platform: string): string => known.get(platform)?.[0] ?? revealed(platform);

/** The company, or whoever else carries its messages. */
export const carrierOf = (platform: string): string => known.get(platform)?.[1] ?? 'whoever runs it';

const carriedBy = (platform: string): string => (platformName(platform) === carrierOf(platform) ? platformName(platform) : `${platformName(platform)} (${carrierOf(platform)})`);

const people = (count: number): string => (count === 1 ? 'one person' : `${count.toLocaleString('en')} people`);

/** Where words go once OpenClaw has them: a line for each messenger on which anybody is answered. */
export const destinations = (platforms: readonly PlatformReport[]): readonly string[] =>
  platforms.filter(({ enabled, allowFrom }) => enabled && allowFrom.length > 0).map(({ name, allowFrom }) => `${carriedBy(name)}, and the chats of ${people(allowFrom.length)} whom you listed`);

/** What the rules of a messenger come to, in sentences. */
export function platformWords({ enabled, allowFrom, admins, approvals, maxRisk, ratePerMinute }: PlatformReport): { readonly answers: string; readonly approvals: string; readonly limits: string } {
  const decide = approvals === 'off' ? 'in this UI alone' : admins.length === 0 ? 'in this UI alone, because no admin is listed' : `here, or there by ${admins.length === 1 ? 'one admin' : `${admins.length} admins`} with a one-time code`;
  return {
    answers: !enabled ? 'Off: nobody there is answered, nor told so.' : allowFrom.length === 0 ? 'Nobody is answered: nobody is listed.' : `Answers ${people(allowFrom.length)}.`,
    approvals: `Approvals are decided ${decide}.`,
    limits: `At most ${maxRisk} risk is asked about, and ${ratePerMinute.toLocaleString('en')} messages a minute are taken from each person.`,
  };
}
