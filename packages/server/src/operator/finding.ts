/** One thing `zk-server check` has looked at. */
export interface Finding {
  /** `fail`: the server would not start, or not serve. */
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly text: string;
}

export const ok = (text: string): Finding => ({ verdict: 'ok', text });
export const warn = (text: string): Finding => ({ verdict: 'warn', text });
export const fail = (text: string): Finding => ({ verdict: 'fail', text });
