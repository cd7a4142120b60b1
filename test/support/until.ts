/**
 * Waits until `condition` returns something truthy and hands that back; asks again every few milliseconds.
 * This is how a test waits for another process: by what can be seen of it, never by a fixed time.
 *
 * @throws Error naming `what` (and the last error of `condition`) after `timeoutMs`
 */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      const why = lastError === undefined ? '' : `: ${String(lastError)}`;
      throw new Error(`not seen within ${timeoutMs} ms: ${what}${why}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
