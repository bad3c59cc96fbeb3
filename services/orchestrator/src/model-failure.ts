import type { ModelError } from './model/port.ts';

/** What a person can do while no model answers. */
const stillWorks = 'Without it, `!run <command>`, approvals and memory keep working; `!help` lists the commands.';

/** The answer when the model could not be used: what was tried, what happened, what to do, and what still works. */
export function modelFailureText(failure: ModelError | ModelUnusable, partial: string): string {
  const hint = failure.hint === undefined ? '' : ` ${failure.hint}`;
  const said = `The model could not answer. ${failure.message}${hint} ${stillWorks}`;
  return partial === '' ? said : `${partial}\n\n(The answer breaks off here.) ${said}`;
}

/** The settings themselves rule out asking a model. `message` and `hint` are for people and hold no secret. */
export class ModelUnusable extends Error {
  override readonly name = 'ModelUnusable';
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

export const emptyAnswer = 'The model ended without an answer. Try again, or say it differently.';
export const cutAtLength = '(The answer ends here because the model reached its length limit.)';
export const cutByFilter = "(The answer ends here because the model server's content filter stopped it.)";
export const cutTooLong = '(The answer was stopped here because it did not end.)';
export const tooManySteps = 'I stopped here: this took more steps than one turn may have. Send another message to go on.';
export const onlyMistakes =
  'I stopped here: the model kept asking for tools in a way that cannot be carried out, and nothing was done. Try to say it differently, or use `!run <command>`.';
