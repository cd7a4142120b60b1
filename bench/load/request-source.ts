/** Where requests come from: frames made beforehand. */
export interface RequestSource {
  /** Longest frame, in bytes. */
  readonly maxFrameBytes: number;
  /** Puts the next frame at `offset`; returns where it ends, or `offset` when there is none. */
  put(target: Buffer, offset: number): number;
}

/** Frames in order, once. */
export class Once implements RequestSource {
  readonly maxFrameBytes: number;
  readonly #frames: readonly Buffer[];
  #next = 0;

  constructor(frames: readonly Buffer[]) {
    this.#frames = frames;
    this.maxFrameBytes = longest(frames);
  }

  put(target: Buffer, offset: number): number {
    const frame = this.#frames[this.#next++];
    return frame === undefined ? offset : offset + frame.copy(target, offset);
  }
}

/** Frames in order, again and again. */
export class Cycle implements RequestSource {
  readonly maxFrameBytes: number;
  readonly #frames: readonly Buffer[];
  #next: number;

  constructor(frames: readonly Buffer[], first: number) {
    this.#frames = frames;
    this.#next = first % frames.length;
    this.maxFrameBytes = longest(frames);
  }

  put(target: Buffer, offset: number): number {
    const frame = this.#frames[this.#next]!;
    this.#next = this.#next + 1 === this.#frames.length ? 0 : this.#next + 1;
    target.set(frame, offset);
    return offset + frame.length;
  }
}

function longest(frames: readonly Buffer[]): number {
  return frames.reduce((most, frame) => Math.max(most, frame.length), 0);
}
