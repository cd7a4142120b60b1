/** What is done to the files of a data directory from outside: by tools, not by the server that owns it. */
export { backUp, BACKUP_MANIFEST, BackupError, type BackupOptions, type BackupRun } from './backup.ts';
export { changeDirectory, type DirectoryChange, type Rewrite } from './directory-change.ts';
export { scanLog, type LogItem } from './log-scan.ts';
export { surveyLogs, type Damage, type LogSurvey, type Run, type SurveyOptions } from './log-survey.ts';
export { readBase, readSnapshotFile, type BaseSnapshot } from './read-base.ts';
export { lastTxnAt, readTxns, timeOf, timeOfEntry, type LoggedTxn, type ReadTxnsOptions } from './read-txns.ts';
export { planRepair, type Loss, type RepairPlan } from './repair-plan.ts';
export { historyOf, type Gap, type History, type Stretch } from './stretches.ts';
export { OccupiedError, requireUnoccupied, writeDataDirectory, type NewDirectoryOptions } from './write-directory.ts';
