import { probeSuite } from './testing/probe-suite.ts';

probeSuite('made for its run', 0);
