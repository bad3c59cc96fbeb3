import type { ServiceError } from '@megabot/contracts/errors.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { errorTable } from '../error-table.ts';
import { personOf } from './table.ts';

/** Conditions that somebody who may decide in principle has to hear of each time, to do better the next. */
const worthRepeating: ReadonlySet<unknown> = new Set(['code_missing', 'code_wrong', 'code_used', 'not_enrolled', 'locked', 'risk', 'other_conversation']);

const remembered = 4_096;

export interface Refusals {
  /** The answer to somebody who may not; empty where they were told before, so that nobody can make us talk. */
  tell(actor: Actor, refusal: { readonly message: string; readonly hint?: string | undefined; readonly why?: unknown }): string;
}

/** Says "you may not" to those at home each time, and to everybody else once. */
export function createRefusals(): Refusals {
  const told = new Set<string>();
  return {
    tell(actor, { message, hint = errorTable.not_entitled.hint, why }) {
      const text = `${message} ${hint} Nothing was done.`;
      const person = personOf(actor);
      if (person === 'owner' || person === 'paired' || worthRepeating.has(why)) return text;
      if (told.has(actor.principal)) return '';
      told.add(actor.principal);
      for (const oldest of told) {
        if (told.size <= remembered) break;
        told.delete(oldest);
      }
      return text;
    },
  };
}

/** What a refusal by the interlock says. */
export const refusalOf = (error: ServiceError) => ({ message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }), why: error.details?.['why'] });
