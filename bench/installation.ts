import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from './processes.ts';

/** A MegaBot of the bench's own: nothing of it is shared with one that the owner of this machine runs. */
export interface Installation {
  readonly home: string;
  readonly httpPort: number;
  readonly uiPort: number;
  readonly wsPort: number;
  readonly token: string;
  readonly password: string;
  /** What `make up` is given. */
  readonly environment: Environment;
}

export interface InstallationOptions {
  /** The folder that the installation's own folder is made in. */
  readonly within: string;
  readonly name: string;
  readonly mode: 'stack' | 'standalone';
  readonly firstPort: number;
  readonly modelUrl: string;
  readonly base: Environment;
  readonly extra?: Environment;
}

/** Lays out an empty installation; what of MegaBot the surrounding environment says does not reach it. */
export async function createInstallation(options: InstallationOptions): Promise<Installation> {
  const { firstPort } = options;
  const home = join(options.within, options.name);
  await mkdir(home, { recursive: true });
  const [token, password] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')];
  const [httpPort, uiPort, wsPort] = [firstPort, firstPort + 1, firstPort + 2];
  const surrounding = Object.fromEntries(Object.entries(options.base).filter(([name]) => !/^(MEGABOT|COMPOSE|OTEL|LOG)_/.test(name)));
  return {
    home,
    httpPort,
    uiPort,
    wsPort,
    token,
    password,
    environment: {
      ...surrounding,
      MEGABOT_HOME: home,
      MEGABOT_MODE: options.mode,
      MEGABOT_PORT: String(httpPort),
      MEGABOT_UI_PORT: String(uiPort),
      MEGABOT_WS_PORT: String(wsPort),
      MEGABOT_AUTH_TOKEN: token,
      MEGABOT_WS_PASSWORD: password,
      MEGABOT_MODEL_URL: options.modelUrl,
      MEGABOT_MODEL: 'scripted',
      ...options.extra,
    },
  };
}

export const readyUrl = (installation: Installation): string => `http://127.0.0.1:${installation.httpPort}/readyz`;
