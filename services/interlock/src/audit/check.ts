import type { AuditHead, AuditRecord, AuditVerification } from '@megabot/contracts/audit.ts';
import { chainHash, headIsSigned, publicKeyId, textFits } from './chain.ts';

/** A signed head that was seen outside the database, with the id of the key if it is known. */
export type Witness = Pick<AuditHead, 'seq' | 'hash' | 'at' | 'signature'> & { readonly publicKeyId?: string };

export interface CheckOptions {
  /** Keys whose signatures count, base64url: the present one, which alone may sign the end, and those before it. */
  readonly publicKeys: readonly string[];
  /** Signed heads from elsewhere, for instance from the service's log: whoever owns the database cannot take these back. */
  readonly witnesses?: readonly Witness[];
}

/**
 * Checks a log entry by entry, in one pass. Each step answers whether to go on; after the first break nothing more is looked
 * at, since everything behind it stands on it.
 */
export interface ChainCheck {
  entry(record: AuditRecord): boolean;
  /** A signed head that is kept with the log; comes after its entry and before the next. */
  head(head: AuditHead): boolean;
  /** Nothing follows. `least` is how far the log must go at least, as it says itself. */
  end(least?: { readonly seq: number; readonly hash: string }): AuditVerification;
  /** Breaks it for a reason that only the reader can see. */
  fail(seq: number, problem: string): false;
  readonly seq: number;
}

interface Erased {
  readonly seq: number;
  readonly at: number;
  readonly conversation: string | null;
  readonly key: string | undefined;
}

export function createChainCheck({ publicKeys, witnesses: given = [] }: CheckOptions): ChainCheck {
  // What an earlier key has signed can be neither confirmed nor denied here.
  const ours = new Set(publicKeys.map(publicKeyId));
  const witnesses = given.filter((witness) => witness.publicKeyId === undefined || ours.has(witness.publicKeyId));
  let previous = { seq: 0, hash: '' };
  let entries = 0;
  let signedTo: AuditVerification['signedTo'] = null;
  let firstBreak: AuditVerification['firstBreak'] = null;
  let lastHead: AuditHead | undefined;
  /** Erased so far, with nothing yet that says so: that stands further on. */
  let unexplained: Erased[] = [];
  const genuine = witnesses.filter((witness) => headIsSigned(publicKeys, witness)).toSorted((a, b) => a.seq - b.seq);
  const forged = witnesses.length - genuine.length;
  let nextWitness = 0;

  const fail = (seq: number, problem: string): false => {
    firstBreak ??= { seq, problem };
    return false;
  };

  function agreesWithWitnesses(record: AuditRecord): boolean {
    for (let witness = genuine[nextWitness]; witness !== undefined && witness.seq <= record.seq; witness = genuine[++nextWitness]) {
      if (witness.seq === record.seq && witness.hash !== record.hash) return fail(record.seq, 'The log was written anew: another entry was signed at this place, as the log of the service shows.');
      signedTo = { seq: witness.seq, at: witness.at };
    }
    return true;
  }

  function entry(record: AuditRecord): boolean {
    const { seq } = record;
    if (firstBreak) return false;
    if (seq <= previous.seq) return fail(seq, 'The entry stands here a second time, or out of its order.');
    if (seq !== previous.seq + 1) return fail(previous.seq + 1, 'The entry is missing.');
    if (record.previousHash !== previous.hash) return fail(seq, 'The entry does not follow the one before it.');
    if (chainHash(record) !== record.hash) return fail(seq, 'The entry was changed.');
    if (!textFits(record)) return fail(seq, 'The text of the entry was changed.');
    if (!agreesWithWitnesses(record)) return false;
    if (record.event === 'text_forgotten') unexplained = unexplained.filter((erased) => !explains(record, erased));
    else if (record.textHash !== null && record.salt === null) {
      unexplained.push({ seq, at: record.at, conversation: record.conversation, key: record.subject['key'] });
    }
    previous = { seq, hash: record.hash };
    entries += 1;
    return true;
  }

  function head(one: AuditHead): boolean {
    if (firstBreak) return false;
    if (!publicKeys.includes(one.publicKey)) return fail(one.seq, 'The head is signed by a key that is not ours.');
    if (!headIsSigned(publicKeys, one)) return fail(one.seq, 'The signature of the head is false.');
    if (one.seq > previous.seq) return fail(previous.seq + 1, `The end of the log is missing: it was signed up to ${one.seq}.`);
    if (one.seq < previous.seq) return fail(one.seq, 'A signed head stands out of its order.');
    if (one.hash !== previous.hash) return fail(one.seq, 'The entry is not the one that was signed.');
    signedTo = { seq: one.seq, at: one.at };
    lastHead = one;
    return true;
  }

  function end(least?: { readonly seq: number; readonly hash: string }): AuditVerification {
    const last = genuine.at(-1);
    const [erased] = unexplained;
    if (least && previous.seq < least.seq) fail(previous.seq + 1, 'The end of the log is missing.');
    else if (least && previous.seq === least.seq && previous.hash !== least.hash) fail(least.seq, 'The last entry is not the one that was recorded as the last.');
    else if (last && previous.seq < last.seq) fail(previous.seq + 1, `The end of the log is missing: it was signed up to ${last.seq}, as the log of the service shows.`);
    // A head of the present key holds all that is before it. Without one, whoever has an earlier key could have made all of it.
    else if (lastHead && lastHead.publicKey !== publicKeys[0]) fail(lastHead.seq, 'The last head is signed by an earlier key, not by the present one.');
    else if (erased) fail(erased.seq, 'The text of the entry is gone, and nothing in the log says that it was forgotten.');
    else if (forged > 0) fail(previous.seq, `${forged} of the signed heads that were given to compare with are not signed by our key.`);
    return { ok: firstBreak === null, entries, firstBreak, signedTo };
  }

  return {
    entry, head, end, fail,
    get seq() {
      return previous.seq;
    },
  };
}

/** What a recorded forgetting covers: only what was there before it. */
function explains({ seq, subject }: AuditRecord, erased: Erased): boolean {
  if (erased.seq >= seq) return false;
  if (subject['key'] !== undefined) return erased.key === subject['key'];
  if (subject['conversation'] !== undefined) return erased.conversation === subject['conversation'];
  return subject['before'] !== undefined && erased.at < Number(subject['before']);
}
