import { probeSuite } from './testing/probe-suite.ts';

// What contains a run is the same in both; containers that waited are what runs get as a rule, so those are always probed whole.
probeSuite('made for its run', 0, process.env['MEGABOT_TEST_COUNTS'] === 'full' ? 1 : 4);
