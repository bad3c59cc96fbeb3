import type { Response } from 'undici';
import { ModelError, type ModelErrorCode } from './port.ts';
import type { ServerName } from './server-address.ts';

/** What a failure on the wire means for the person: which address was tried, and what to do. */

const errorBodyBytes = 4096;

/** Anything that failed before the server answered. The cause that libraries wrapped is found and named by its code. */
export function unreachable(server: ServerName, error: unknown): ModelError {
  let code = '';
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ModelError) return cause;
    const named: unknown = (cause as NodeJS.ErrnoException).code;
    if (typeof named === 'string') code = ` (${named})`;
  }
  return new ModelError('unreachable', `No model server answers at ${server.href}${code}.`, {
    hint: 'Start Ollama, LM Studio or another model server there, or set MEGABOT_MODEL_URL to where it is.',
    cause: error,
  });
}

export function brokenOff(server: ServerName, error: unknown): ModelError {
  return new ModelError('bad_reply', `The answer of ${server.origin} broke off or could not be read.`, {
    hint: 'Try again; if it stays so, look at the log of the model server.',
    cause: error,
  });
}

export function tooLong(server: ServerName): ModelError {
  return new ModelError('bad_reply', `The answer of ${server.origin} is longer than an answer can be, and was cut off.`, {
    hint: 'Ask again; if it stays so, look at the log of the model server, or use another model.',
  });
}

export function tooQuiet(server: ServerName, idleTimeoutMs: number): ModelError {
  return new ModelError('timeout', `${server.origin} sent nothing for ${idleTimeoutMs / 1000} seconds.`, {
    hint: 'The model may still be loading or the machine be overloaded: try again, or use a smaller model.',
  });
}

export function refusedElsewhere(url: URL): ModelError {
  return new ModelError('refused_address', `${url.origin} is not the configured model server.`);
}

/** For `catch`: makes failures with these codes undefined and throws any other on. */
export function ignoring(...codes: readonly ModelErrorCode[]): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof ModelError && codes.includes(error.code)) return undefined;
    throw error;
  };
}

/** For a response that is no success. Reads the beginning of its body, and no redirect is ever followed. */
export async function statusError(server: ServerName, response: Response, apiKey?: string): Promise<ModelError> {
  const { status } = response;
  if (status >= 300 && status < 400) {
    await response.body?.cancel();
    return new ModelError('refused_address', `${server.origin} redirects elsewhere, and redirects are not followed.`, {
      hint: 'Configure the address of the model server itself.',
      status,
    });
  }
  const said = withoutKey(await readMessage(response), apiKey);
  if (status === 404 && /\bmodel\b/i.test(said)) {
    return new ModelError('model_missing', `${server.origin} does not have the model. It says: ${said}`, {
      hint: 'Load or pull the model there, or set MEGABOT_MODEL to one that the server has.',
      status,
    });
  }
  const message = `${server.origin} answered with HTTP status ${status}${said === '' ? '.' : `: ${said}`}`;
  return new ModelError('http_status', message, { hint: hintFor(status), status });
}

/** What a server says is shown and stored, and some repeat the key that they refuse. */
export function withoutKey(text: string, apiKey: string | undefined): string {
  return apiKey ? text.replaceAll(apiKey, '(the API key)') : text;
}

function hintFor(status: number): string {
  if (status === 401 || status === 403) return 'The model server wants an API key, or another one.';
  if (status === 404) return 'Check the path of MEGABOT_MODEL_URL: an OpenAI-compatible one ends in /v1, Ollama has none.';
  if (status === 429 || status >= 500) return 'The model server is busy or broken: look at its log, and try again.';
  return 'Look at the log of the model server.';
}

/** The message of an error in JSON, else the beginning of the text, on one line. */
async function readMessage(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array;
    chunks.push(bytes);
    size += bytes.length;
    if (size >= errorBodyBytes) break;
  }
  const text = Buffer.concat(chunks).subarray(0, errorBodyBytes).toString('utf8');
  return messageIn(text).replace(/\s+/g, ' ').trim().slice(0, 300);
}

function messageIn(text: string): string {
  const quoted = /"(?:message|error)"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(text)?.[1];
  if (quoted === undefined) return text;
  try {
    return String(JSON.parse(quoted));
  } catch {
    return text;
  }
}
