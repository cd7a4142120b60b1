/** For the tests of stores, here and in other packages. */
export * from './testing/contract.ts';
export * from './testing/store-under-test.ts';
