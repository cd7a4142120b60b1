import { describeState, make, newDirectoryOf, stateAsJson } from './new-directory.ts';
import { ToolExit, type ToolCall } from './tool.ts';
import { jsonLine } from './values.ts';

/** `export` and `snapshot import`: a new data directory with one snapshot, from files that are only read. */
export async function makeDirectory(call: ToolCall): Promise<number> {
  const directory = newDirectoryOf(call);
  const path = await make(directory);
  if (call.isSet('json')) call.terminal.out(`${jsonLine({ ...stateAsJson(directory), written: path })}\n`);
  else call.terminal.out(`${[...describeState(directory), `Written: ${path}`].join('\n')}\n`);
  return ToolExit.DONE;
}
