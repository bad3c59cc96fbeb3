import { useCallback, useEffect, useState, type ReactNode } from 'react';
import { routeHash } from '../route.ts';
import { readHealth, type HealthView } from '../text/health.ts';
import type { ApiProblem } from '../wire/api.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';

/** Which services are up, and what one has to know of this installation. */
export function HealthPage() {
  const { state, controller } = useApp();
  const [health, setHealth] = useState<HealthView | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const read = useCallback(async () => {
    setProblem(await controller.attempt(controller.api.health().then((body) => setHealth(readHealth(body)))));
  }, [controller]);
  useEffect(() => {
    void read();
    const timer = setInterval(() => {
      if (!document.hidden) void read();
    }, 10_000);
    return () => clearInterval(timer);
  }, [read]);
  return (
    <>
      {problem && <ProblemText problem={problem} />}
      {health && (
        <section className="panel" aria-labelledby="services-title">
          <h2 id="services-title">
            <Icon name="health" />
            Services
            <span className="count">{health.status}</span>
          </h2>
          <ul className="rows services">
            {health.services.map((service) => (
              <li key={service.name}>
                <span className={service.ok ? 'well' : 'unwell'}>
                  <Icon name={service.ok ? 'check' : 'cross'} size={14} />
                  {service.ok ? 'up' : 'down'}
                </span>
                <span className="service">{service.name}</span>
                <span className="quiet">{service.detail}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {health && (
        <section className="panel" aria-labelledby="installation-title">
          <h2 id="installation-title">
            <Icon name="info" />
            This installation
          </h2>
          <dl className="facts wide">
            <Fact name="This page" value={state.connection === 'open' ? 'connected' : 'reconnecting'} />
            {health.messengers !== null && <Fact name="Messengers" value={<a href={routeHash({ page: 'messengers' })}>{health.messengers}</a>} />}
            <Fact name="Native socket" value={{ on: 'encrypted', off: 'not encrypted', unknown: 'unknown' }[health.encryption]} />
            {health.deployment !== null && <Fact name="Runs as" value={health.deployment} />}
            {health.version !== null && <Fact name="Version" value={health.version} />}
          </dl>
          {health.warnings.map((warning) => (
            <p className="note" key={warning}>
              <Icon name="alert" />
              {warning}
            </p>
          ))}
        </section>
      )}
    </>
  );
}

function Fact({ name, value }: { name: string; value: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
