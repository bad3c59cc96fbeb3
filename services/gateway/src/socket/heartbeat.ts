import type { WebSocket } from 'ws';

/** Pings every `everyMs`; a peer that left two pings unanswered is given up. Returns the way to stop. */
export function startHeartbeat(socket: WebSocket, everyMs: number, onLost: () => void): () => void {
  let unanswered = 0;
  const onPong = (): void => {
    unanswered = 0;
  };
  socket.on('pong', onPong);
  const timer = setInterval(() => {
    if (unanswered >= 2) return onLost();
    unanswered += 1;
    socket.ping();
  }, everyMs);
  return () => {
    clearInterval(timer);
    socket.off('pong', onPong);
  };
}
