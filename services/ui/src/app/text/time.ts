/** How long is left until `expiresAt` (both in milliseconds), in words short enough for a card; null once it is over. */
export function timeLeft(expiresAt: number, now: number): string | null {
  const seconds = Math.ceil((expiresAt - now) / 1_000);
  if (seconds <= 0) return null;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`;
  return `${Math.floor(hours / 24)} days`;
}

/** How long to wait before `timeLeft` reads differently, in milliseconds. */
export const timeLeftTick = (expiresAt: number, now: number): number => (expiresAt - now > 10 * 60_000 ? 15_000 : 1_000);

const two = (value: number) => String(value).padStart(2, '0');

/** `14:05` today, `3 Nov 14:05` this year, `3 Nov 2025` before: local time. */
export function clock(at: number, now: number): string {
  const date = new Date(at);
  const today = new Date(now);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (date.toDateString() === today.toDateString()) return time;
  const month = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][date.getMonth()] ?? '';
  if (date.getFullYear() === today.getFullYear()) return `${date.getDate()} ${month} ${time}`;
  return `${date.getDate()} ${month} ${date.getFullYear()}`;
}

/** A stretch of time as `340 ms`, `2.4 s` or `3 min 05 s`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
}
