// ESC [ … m only changes colours; taken away it changes nothing that is read.
const colours = /\u001B\[[0-9;:]*m/g;
const carriageReturns = /\r+\n?/g;
const controls = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF]/g;

/**
 * A program's output as it may be put before a person or a model: colour codes go, a carriage return becomes a line break, and
 * every other control, zero-width or direction-changing character is spelled out as `\u{…}` instead of being obeyed.
 */
export function neutralText(text: string): string {
  return text
    .replace(colours, '')
    .replace(carriageReturns, '\n')
    .replace(controls, (character) => `\\u{${character.charCodeAt(0).toString(16).toUpperCase()}}`);
}
