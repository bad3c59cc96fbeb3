import { quoted } from './quoted.ts';

/** A conversation's title, or what stands for one that has none. One from a messenger holds a name that somebody there chose. */
export const titleOf = (conversation: { readonly id: string; readonly title: string }): string => quoted(conversation.title) || (conversation.id === 'default' ? 'Default conversation' : 'Untitled conversation');
