import type { Result } from './report.ts';
import { spreadOf } from './statistics.ts';

const BAR = 16;
const GAP = 14;
const LABEL_WIDTH = 210;
const PLOT_WIDTH = 480;
const RIGHT_MARGIN = 90;
const TOP = 48;
const COLOURS = ['#2b6cb0', '#c05621'];
const FONT = 'font-family="sans-serif" font-size="12"';

/** Horizontal bars, one per scenario and contender, with a whisker from the worst to the best round. */
export function barPlot(title: string, column: string, results: readonly Result[], contenders: readonly string[]): string {
  const rowHeight = BAR * contenders.length + GAP;
  const height = TOP + results.length * rowHeight + GAP;
  const width = LABEL_WIDTH + PLOT_WIDTH + RIGHT_MARGIN;
  const spreads = results.map(({ rounds }) => contenders.map((contender) => spreadOf((rounds.get(contender) ?? []).map((figures) => figures[column] ?? 0))));
  const most = Math.max(...spreads.flat().map(({ max }) => max));
  const x = (value: number): number => LABEL_WIDTH + (value / most) * PLOT_WIDTH;
  const rows = results.map(({ scenario }, row) => {
    const top = TOP + row * rowHeight;
    const label = `<text x="${LABEL_WIDTH - 8}" y="${top + rowHeight / 2}" text-anchor="end" ${FONT}>${scenario.name}</text>`;
    return label + spreads[row]!.map((spread, index) => bar(spread, top + index * BAR, COLOURS[index % COLOURS.length]!, x)).join('');
  });
  const legend = contenders.map((contender, index) =>
    `<rect x="${LABEL_WIDTH + index * 160}" y="28" width="10" height="10" fill="${COLOURS[index % COLOURS.length]}"/>` +
    `<text x="${LABEL_WIDTH + 16 + index * 160}" y="37" ${FONT}>${contender}</text>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    '<rect width="100%" height="100%" fill="white"/>',
    `<text x="${LABEL_WIDTH}" y="18" ${FONT} font-weight="bold">${title}</text>`,
    ...legend,
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

function bar({ median, min, max }: { median: number; min: number; max: number }, top: number, colour: string, x: (value: number) => number): string {
  const middle = top + BAR / 2;
  const value = median >= 1000 ? `${(median / 1000).toFixed(1)}k` : median.toPrecision(3);
  return (
    `<rect x="${x(0)}" y="${top + 1}" width="${(x(median) - x(0)).toFixed(1)}" height="${BAR - 2}" fill="${colour}"/>` +
    `<line x1="${x(min).toFixed(1)}" x2="${x(max).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="black"/>` +
    `<text x="${(x(max) + 4).toFixed(1)}" y="${middle + 4}" ${FONT}>${value}</text>`
  );
}
