import { ModelError, type ModelProbe } from './port.ts';

/** The result of a probe that got the server's list of models, those that may be used. */
export function describeModels(
  server: string,
  wanted: string | undefined,
  matched: string | undefined,
  usable: readonly string[],
): ModelProbe {
  if (matched !== undefined) return { reachable: true, model: matched, detail: `${server} answers and has ${matched}.` };
  const shown = usable.slice(0, 10).join(', ');
  const has = usable.length === 0 ? 'no usable model' : usable.length > 10 ? `${shown} and ${usable.length - 10} more` : shown;
  const lacks = wanted === undefined ? '' : ` but not ${wanted}`;
  return { reachable: true, detail: `${server} answers${lacks}; it has ${has}.` };
}

/** The result of a probe that failed. An abort is no result, and is thrown on. */
export function describeFailure(error: unknown): ModelProbe {
  if (!(error instanceof ModelError) || error.code === 'aborted') throw error;
  const reachable = error.code === 'http_status' || error.code === 'bad_reply' || error.code === 'model_missing';
  return { reachable, detail: error.hint ? `${error.message} ${error.hint}` : error.message };
}
