import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { carrierOf, destinations, platformName, platformWords } from './platform-words.ts';

const rules = { name: 'telegram', enabled: true, allowFrom: ['1', '2'], admins: ['1'], approvals: 'code' as const, maxRisk: 'low' as const, ratePerMinute: 20 };

describe('a messenger in words', () => {
  it('has its own name and whoever carries its messages; one that nobody knows hides nothing', () => {
    assert.deepEqual([platformName('whatsapp'), carrierOf('whatsapp')], ['WhatsApp', 'Meta']);
    assert.deepEqual([platformName('o\u202Edd'), carrierOf('constructor')], ['o\\u{202E}dd', 'whoever runs it']);
  });
  it('is a destination only where somebody is answered', () => {
    assert.deepEqual(destinations([{ ...rules, name: 'whatsapp', allowFrom: ['1'] }]), ['WhatsApp (Meta), and the chats of one person whom you listed']);
    assert.deepEqual(destinations([rules, { ...rules, name: 'signal', allowFrom: [] }, { ...rules, name: 'slack', enabled: false }]), ['Telegram, and the chats of 2 people whom you listed']);
  });
  it('says who decides there, and when nobody does', () => {
    assert.equal(platformWords(rules).approvals, 'Approvals are decided here, or there by one admin with a one-time code.');
    assert.equal(platformWords({ ...rules, admins: [] }).approvals, 'Approvals are decided in this UI alone, because no admin is listed.');
    assert.equal(platformWords({ ...rules, approvals: 'off' }).approvals, 'Approvals are decided in this UI alone.');
    assert.match(platformWords({ ...rules, enabled: false }).answers, /nor told so/);
    assert.match(platformWords({ ...rules, allowFrom: [] }).answers, /Nobody is answered/);
    assert.match(platformWords({ ...rules, maxRisk: 'medium', ratePerMinute: 120 }).limits, /medium risk .* 120 messages/);
  });
});
