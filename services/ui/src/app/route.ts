/** Where in the app the fragment of the address points. */
export type Route =
  | { readonly page: 'chat'; readonly conversation: string }
  /** What a conversation's workspace holds. */
  | { readonly page: 'files'; readonly conversation: string }
  /** All of them, or one in front: where a link from a messenger leads. */
  | { readonly page: 'approvals'; readonly approval?: string }
  | { readonly page: 'policy' | 'memory' | 'messengers' | 'activity' | 'health' };

/** Reads a fragment such as `#/c/default` or `#/policy`; anything else is the default conversation. */
export function parseRoute(hash: string): Route {
  const [page, id, part] = hash.replace(/^#\/?/, '').split('/');
  if (page === 'approvals') return id !== undefined && isId(id) ? { page, approval: id } : { page };
  if (page === 'policy' || page === 'memory' || page === 'messengers' || page === 'activity' || page === 'health') return { page };
  if (page === 'c' && id !== undefined && isId(id)) return { page: part === 'files' ? 'files' : 'chat', conversation: id };
  return { page: 'chat', conversation: 'default' };
}

const isId = (text: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(text);

export function routeHash(route: Route): string {
  if (route.page === 'chat') return `#/c/${route.conversation}`;
  if (route.page === 'files') return `#/c/${route.conversation}/files`;
  return route.page === 'approvals' && route.approval !== undefined ? `#/approvals/${route.approval}` : `#/${route.page}`;
}

/** The one-time code of a sign-in link (`#code=…`), or null. */
export function signInCode(hash: string): string | null {
  return /^#code=([^&]{1,512})$/.exec(hash)?.[1] ?? null;
}
