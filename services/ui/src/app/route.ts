/** Where in the app the fragment of the address points. */
export type Route = { readonly page: 'chat'; readonly conversation: string } | { readonly page: 'approvals' | 'policy' | 'memory' | 'activity' | 'health' };

/** Reads a fragment such as `#/c/default` or `#/policy`; anything else is the default conversation. */
export function parseRoute(hash: string): Route {
  const [page, id] = hash.replace(/^#\/?/, '').split('/');
  if (page === 'approvals' || page === 'policy' || page === 'memory' || page === 'activity' || page === 'health') return { page };
  if (page === 'c' && id !== undefined && /^[A-Za-z0-9_-]{1,64}$/.test(id)) return { page: 'chat', conversation: id };
  return { page: 'chat', conversation: 'default' };
}

export const routeHash = (route: Route): string => (route.page === 'chat' ? `#/c/${route.conversation}` : `#/${route.page}`);

/** The one-time code of a sign-in link (`#code=…`), or null. */
export function signInCode(hash: string): string | null {
  return /^#code=([^&]{1,512})$/.exec(hash)?.[1] ?? null;
}
