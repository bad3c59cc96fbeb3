import { createMemoryStore } from './memory-store.ts';
import { bridgeStoreCompliance } from '../store-compliance.ts';

bridgeStoreCompliance('in memory', async () => ({ store: createMemoryStore(), async [Symbol.asyncDispose]() {} }));
