import type { ReactNode } from 'react';

export type Fact = readonly [name: string, value: ReactNode];

/** Names with what there is to say of each. */
export function FactList({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
