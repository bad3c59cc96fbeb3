import { useEffect, useState } from 'react';
import { timeLeft, timeLeftTick } from '../text/time.ts';

/** What is left until `expiresAt` (milliseconds) in words, kept up to date; null once it is over, and empty where no end is waited for. */
export function useTimeLeft(expiresAt: number | null, now: () => number): string | null {
  const [at, setAt] = useState(now);
  useEffect(() => {
    if (expiresAt === null) return;
    const timer = setTimeout(() => setAt(now()), timeLeftTick(expiresAt, at));
    return () => clearTimeout(timer);
  }, [expiresAt, at, now]);
  return expiresAt === null ? '' : timeLeft(expiresAt, at);
}

/** The time, looked at again every second while `running`, where words count seconds. */
export function useSeconds(running: boolean, now: () => number): number {
  const [at, setAt] = useState(now);
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setAt(now()), 1_000);
    return () => clearInterval(timer);
  }, [running, now]);
  return running ? at : now();
}
