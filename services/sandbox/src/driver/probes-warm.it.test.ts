import { probeSuite } from './testing/probe-suite.ts';

probeSuite('that waited for its run', 2);
