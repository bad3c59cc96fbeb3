import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutBroadcast } from './platforms.ts';

test('an answer calls nobody together: a guest has the model say it, and the bot may what the guest may not', () => {
  for (const text of ['@everyone hello', 'hi @here', '@EVERYONE', 'x@everyone', '<@&1234>']) assert.doesNotMatch(withoutBroadcast('discord', text), /@(everyone|here)|<@&/i, text);
  for (const text of ['<!channel> hello', '<!here>', '<!everyone|x>', '<!subteam^S1|team>', '@channel', '@here']) assert.doesNotMatch(withoutBroadcast('slack', text), /<!|@(channel|here|everyone)/i, text);
  for (const text of ['@all', '@channel', '@room']) assert.doesNotMatch(withoutBroadcast('mattermost', text), /@(all|channel|room)/, text);
});

test('it reads as it was, and a person may be named', () => {
  for (const platform of ['discord', 'slack', 'telegram', 'other']) {
    assert.equal(withoutBroadcast(platform, '@everyone <!here> mail me@hereafter.example <@42> #!/bin/sh <!doctype html>').replaceAll('\u200B', ''), '@everyone <!here> mail me@hereafter.example <@42> #!/bin/sh <!doctype html>');
    assert.ok(withoutBroadcast(platform, 'ask <@42>, mail me@hereafter.example, #!/bin/sh <!doctype html>').indexOf('\u200B') === -1);
  }
});
