import { probeSuite } from './testing/probe-suite.ts';

probeSuite('that waited for its run', 2, process.env['MEGABOT_TEST_COUNTS'] === 'full' ? { given: 1, own: 1 } : { given: 1, own: 3 });
