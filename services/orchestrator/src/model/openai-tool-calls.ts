import type { SentToolCall } from './tool-calls.ts';

export interface ToolCallFragment {
  readonly index?: number | null | undefined;
  readonly id?: string | null | undefined;
  readonly function?: { readonly name?: string | null | undefined; readonly arguments?: unknown } | null | undefined;
}

export interface ToolCallAssembly {
  add(fragment: ToolCallFragment): void;
  finish(): SentToolCall[];
  /** How many calls there are so far. */
  readonly size: number;
}

interface Growing {
  id: string;
  name: string;
  text: string;
}

/**
 * Puts tool calls together from their fragments in a stream. By the book a call's fragments share an `index`, and the first
 * carries `id` and `name`. Servers differ: some leave the index out, some send several whole calls all at index 0
 * (told apart by a new id), some send the arguments as an object instead of text.
 */
export function createToolCallAssembly(): ToolCallAssembly {
  const calls: Growing[] = [];
  const byIndex = new Map<number, Growing>();

  const start = (index: number): Growing => {
    const call = { id: '', name: '', text: '' };
    calls.push(call);
    byIndex.set(index, call);
    return call;
  };

  return {
    get size() {
      return calls.length;
    },
    add(fragment) {
      const index = fragment.index ?? (fragment.id ? calls.length : Math.max(calls.length - 1, 0));
      let call = byIndex.get(index) ?? start(index);
      if (fragment.id && call.id !== '' && call.id !== fragment.id) call = start(index);
      if (fragment.id) call.id = fragment.id;
      if (fragment.function?.name && call.name === '') call.name = fragment.function.name;
      const sent = fragment.function?.arguments;
      if (typeof sent === 'string') call.text += sent;
      else if (sent !== undefined && sent !== null) call.text += JSON.stringify(sent);
    },
    finish: () => calls.map((call) => ({ id: call.id || undefined, name: call.name, arguments: call.text })),
  };
}
