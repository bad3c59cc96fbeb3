import type { ServerResponse } from 'node:http';

/** A refusal in the form of RFC 9457, as the gateway gives it. */
export const sendProblem = (response: ServerResponse, status: number, code: string, detail: string, hint: string) =>
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ type: 'about:blank', title: detail, status, detail, code, hint }));

export const sendJson = (response: ServerResponse, body: unknown, headers: Record<string, string> = {}) => response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
