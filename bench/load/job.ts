import type { Workload } from './workload.ts';

/** What a load process is asked to do. */
export type Job =
  | {
      readonly kind: 'requests';
      readonly target: Target;
      readonly workload: Workload;
      readonly connections: number;
      readonly inFlight: number;
      readonly warmUpMs: number;
      readonly measureMs: number;
    }
  /** Sessions opened (and closed) with that many under way at a time. */
  | { readonly kind: 'sessions'; readonly target: Target; readonly count: number; readonly atATime: number }
  /** One set of a znode that `watchers` connections watch; that many times, the first few to warm up. */
  | { readonly kind: 'watches'; readonly target: Target; readonly watchers: number; readonly times: number }
  /** Sessions that are there until the job `release`. */
  | { readonly kind: 'hold'; readonly target: Target; readonly count: number }
  /** So many data watches in each of them. */
  | { readonly kind: 'watch'; readonly target: Target; readonly each: number }
  | { readonly kind: 'release'; readonly target: Target }
  /** Thousands of znodes created, each thousand below a parent of its own: those from `first` on. */
  | { readonly kind: 'fill'; readonly target: Target; readonly first: number; readonly thousands: number; readonly valueBytes: number };

export interface Target {
  /** Client ports, taken in turn by the connections. */
  readonly ports: readonly number[];
  /** The server processes, whose use of CPU and memory is measured. */
  readonly pids: readonly number[];
}

/** What a load process found. */
export interface Measurement {
  readonly operations: number;
  readonly seconds: number;
  /** µs */
  readonly latency: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  /** CPU seconds of all server processes together, and of the load process. */
  readonly serverCpuSeconds: number;
  readonly loadCpuSeconds: number;
  /** Of each server, in bytes, at the end. */
  readonly residentBytes: readonly number[];
  readonly errors: readonly (readonly [code: number, times: number])[];
}
