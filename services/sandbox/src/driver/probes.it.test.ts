import { probeSuite } from './testing/probe-suite.ts';

// What contains a run is the same in both kinds; a container that waited is what a run gets as a rule, so that is probed more.
probeSuite('made for its run', 0, process.env['MEGABOT_TEST_COUNTS'] === 'full' ? { given: 1, own: 1 } : { given: 4, own: 4 });
