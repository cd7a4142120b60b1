/** `node summary.mjs report.json…`: what failed in vitest's JSON reports, then how much passed and failed. Exits with 1 unless all passed. */
import { readFileSync } from 'node:fs';

let passed = 0;
const failures = [];
for (const file of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    passed += report.numPassedTests;
    for (const { name, status, message, assertionResults } of report.testResults) {
      for (const test of assertionResults) if (test.status === 'failed') failures.push([`${name}: ${test.fullName}`, ...test.failureMessages]);
      if (status === 'failed' && assertionResults.length === 0) failures.push([name, message]);
    }
  } catch (error) {
    failures.push([file, `no report, so it did not pass: ${error.message}`]);
  }
}
for (const lines of failures) console.log(`FAILED ${lines.join('\n')}\n`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length > 0 || passed === 0 ? 1 : 0);
