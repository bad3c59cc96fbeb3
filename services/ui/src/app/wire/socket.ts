import type { ClientFrame, ServerFrame, WelcomeFrame } from '@megabot/contracts/frames.ts';

export interface SocketEvents {
  /** The connection stands; what `send` takes from now on leaves at once. */
  onWelcome(frame: WelcomeFrame): void;
  onFrame(frame: ServerFrame): void;
  /** The connection ended or could not be made; another try follows by itself. */
  onLost(): void;
}

export interface Socket {
  /** False while there is no connection: nothing was sent. */
  send(frame: ClientFrame): boolean;
  close(): void;
}

const firstDelayMs = 250;
const longestDelayMs = 8_000;
const pingMs = 25_000;
const answerMs = 10_000;

/**
 * The app's socket: `/ws` of its own origin, reopened with growing, jittered delays for as long as it is wanted, at once when
 * the device comes back online or the page is looked at again. A silent connection is given up after an unanswered ping.
 */
export function openSocket(url: string, events: SocketEvents): Socket {
  let socket: WebSocket | undefined;
  let welcome = false;
  let attempt = 0;
  let closed = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;

  const listen = () => {
    clearTimeout(silence);
    silence = setTimeout(() => {
      socket?.send(JSON.stringify({ type: 'ping' } satisfies ClientFrame));
      silence = setTimeout(lost, answerMs);
    }, pingMs);
  };

  function connect(): void {
    clearTimeout(retry);
    const current = new WebSocket(url);
    socket = current;
    welcome = false;
    silence = setTimeout(lost, answerMs);
    current.addEventListener('message', (message) => {
      if (socket !== current || typeof message.data !== 'string') return;
      const frame = JSON.parse(message.data) as ServerFrame | WelcomeFrame;
      if (welcome) {
        listen();
        if (frame.type !== 'welcome') events.onFrame(frame);
      } else if (frame.type === 'welcome') {
        welcome = true;
        attempt = 0;
        listen();
        events.onWelcome(frame);
      }
    });
    current.addEventListener('close', () => {
      if (socket === current) lost();
    });
  }

  function lost(): void {
    clearTimeout(silence);
    const old = socket;
    socket = undefined;
    welcome = false;
    old?.close();
    if (closed) return;
    attempt += 1;
    const ceiling = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempt - 1, 10));
    clearTimeout(retry);
    retry = setTimeout(connect, ceiling / 2 + Math.random() * (ceiling / 2));
    events.onLost();
  }

  const hurry = () => {
    if (closed || socket || document.hidden) return;
    connect();
  };
  const offline = () => {
    if (!closed && socket) lost();
  };
  window.addEventListener('online', hurry);
  window.addEventListener('offline', offline);
  document.addEventListener('visibilitychange', hurry);
  connect();

  return {
    send(frame) {
      if (!socket || !welcome) return false;
      socket.send(JSON.stringify(frame));
      return true;
    },
    close() {
      closed = true;
      clearTimeout(retry);
      clearTimeout(silence);
      window.removeEventListener('online', hurry);
      window.removeEventListener('offline', offline);
      document.removeEventListener('visibilitychange', hurry);
      const old = socket;
      socket = undefined;
      old?.close();
    },
  };
}
