import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createController } from './state/controller.ts';
import { keptOutbox } from './state/keep.ts';
import { createStore } from './state/store.ts';
import { App } from './views/app.tsx';
import './styles/base.css';
import './styles/shell.css';
import './styles/chat.css';
import './styles/approval.css';
import './styles/pages.css';

const root = document.getElementById('app');
if (!root) throw new Error('the page has no #app');
const store = createStore({ outbox: keptOutbox() });
createRoot(root).render(
  <StrictMode>
    <App store={store} controller={createController(store)} />
  </StrictMode>,
);
