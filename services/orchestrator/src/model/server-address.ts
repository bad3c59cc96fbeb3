/** How a server is called in what people read: its URL, or the path of its socket. A `URL` is one too. */
export interface ServerName {
  readonly origin: string;
  readonly href: string;
}

export interface ServerAddress {
  /** What requests are made to; for a socket its host is only a word. */
  readonly url: URL;
  /** The Unix socket through which it is reached, where it is one. */
  readonly socketPath?: string;
  readonly shown: ServerName;
}

const unixForm = /^unix:(\/[^:\0]{1,100}\.sock)(?::(\/[\w./-]*))?$/;

/**
 * Reads the address of a model server: an http(s) URL without user name and password, or `unix:/path/to.sock`, with the path of
 * an OpenAI-compatible server after a colon (`unix:/path/to.sock:/v1`).
 * @throws {TypeError} for anything else; the message does not repeat it.
 */
export function parseServerAddress(text: string): ServerAddress {
  const [, socketPath, path = ''] = unixForm.exec(text) ?? [];
  if (socketPath !== undefined) {
    const shown = `unix:${socketPath}`;
    return { url: withoutEnd(new URL(`http://localhost${path}`)), socketPath, shown: { origin: shown, href: text } };
  }
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TypeError('it is no http:// or https:// URL and no unix:/path/to.sock');
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError('it holds a user name or password: give an API key instead');
  }
  withoutEnd(url);
  return { url, shown: url };
}

/** Changes the URL: neither a final slash nor a query or fragment belongs to a base. */
function withoutEnd(url: URL): URL {
  url.pathname = url.pathname.replace(/\/+$/, '');
  url.search = '';
  url.hash = '';
  return url;
}

/** The name for messages. */
export const nameOf = (server: { readonly url: URL; readonly shown?: ServerName | undefined }): ServerName => server.shown ?? server.url;
