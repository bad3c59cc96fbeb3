import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRoute, routeHash, signInCode, type Route } from './route.ts';

describe('addresses inside the app', () => {
  const routes: readonly Route[] = [{ page: 'chat', conversation: 'default' }, { page: 'chat', conversation: 'a1_b-2' }, { page: 'files', conversation: 'a1_b-2' }, { page: 'approvals' }, { page: 'approvals', approval: 'k3f9x2' }, { page: 'policy' }, { page: 'memory' }, { page: 'messengers' }, { page: 'activity' }, { page: 'health' }];
  for (const route of routes) it(`${routeHash(route)} leads where it says`, () => assert.deepEqual(parseRoute(routeHash(route)), route));
  for (const hash of ['', '#', '#/nonsense', '#/c/', '#/c/../policy', '#code=abc']) {
    it(`${hash === '' ? 'nothing' : hash} leads to the default conversation`, () => assert.deepEqual(parseRoute(hash), { page: 'chat', conversation: 'default' }));
  }
  it('an approval whose id is none leads to all of them', () => assert.deepEqual(parseRoute('#/approvals/a b'), { page: 'approvals' }));
  it('finds the code of a sign-in link and nothing else', () => {
    assert.equal(signInCode('#code=abc-DEF_123'), 'abc-DEF_123');
    assert.equal(signInCode('#/c/code=abc'), null);
    assert.equal(signInCode('#code='), null);
  });
});
