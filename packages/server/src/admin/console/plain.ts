/** What JSON.stringify writes as it is: 64-bit values are text by then. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };
