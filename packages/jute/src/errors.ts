/**
 * Bytes that do not decode, or a value that has no encoding. The message names the record and field, the offset and
 * the sizes: `CreateRequest.data claims 2147483647 bytes at 41, 12 are left`. The connection the bytes came from, or
 * the request they carried, is what fails; the process is not.
 */
export class JuteError extends Error {
  override readonly name: string = 'JuteError';

  /** What is wrong, without the place: `claims 2147483647 bytes at 41, 12 are left`. */
  readonly detail: string;

  /** True when the bytes end before the value does: more bytes could have made it whole. */
  readonly truncated: boolean;

  #place = '';

  constructor(kind: string, detail: string, truncated = false) {
    super(`${kind} ${detail}`);
    this.detail = detail;
    this.truncated = truncated;
  }

  /** Called on the way out of a record: the innermost call comes first, the outermost record gives the name. */
  insideField(record: string, field: string): this {
    this.#place = `.${field}${this.#place}`;
    this.message = `${record}${this.#place} ${this.detail}`;
    return this;
  }

  /** Called on the way out of a vector. */
  insideItem(index: number): this {
    this.#place = `[${index}]${this.#place}`;
    this.message = `vector${this.#place} ${this.detail}`;
    return this;
  }
}
