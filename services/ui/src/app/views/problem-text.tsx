import type { ApiProblem } from '../wire/api.ts';
import { Icon } from './icons.tsx';

/** What failed and what to do next, read aloud when it appears. */
export function ProblemText({ problem }: { problem: Pick<ApiProblem, 'message' | 'hint'> }) {
  return (
    <p className="problem" role="alert">
      <Icon name="alert" />
      <span>
        {problem.message} {problem.hint}
      </span>
    </p>
  );
}
