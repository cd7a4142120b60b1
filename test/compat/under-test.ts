import type { Implementation } from '../support/ensemble.ts';
import { apache38, apache39 } from '../support/implementations.ts';

/**
 * The stories of this folder are about ours, but hold for Apache's server too: `ZK_SERVER=apache39 npm run test:compat`
 * tells them to it, which is how a story is itself checked.
 */
export function implementationUnderTest(ours: Implementation): Implementation {
  switch (process.env['ZK_SERVER']) {
    case 'apache39':
      return apache39;
    case 'apache38':
      return apache38;
    default:
      return ours;
  }
}
