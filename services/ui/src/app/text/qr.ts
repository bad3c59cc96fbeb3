import { encode } from 'uqr';

/** The white edge that ISO/IEC 18004 asks for, in modules; readers fail without it. */
const quietZone = 4;

/** A QR code as the path of its dark modules, in a square of `size` modules with its quiet zone. Computed here: the text goes nowhere. */
export function qrShape(text: string): { readonly size: number; readonly path: string } {
  const { size, data } = encode(text, { ecc: 'M', border: quietZone });
  const path = data.flatMap((row, y) => darkRuns(row).map(([x, length]) => `M${x} ${y}h${length}v1h-${length}z`)).join('');
  return { size, path };
}

/** Where stretches of dark modules begin, and how long they are. */
function darkRuns(row: readonly boolean[]): (readonly [start: number, length: number])[] {
  const runs: [start: number, length: number][] = [];
  row.forEach((dark, x) => {
    const last = runs.at(-1);
    if (!dark) return;
    if (last && last[0] + last[1] === x) last[1] += 1;
    else runs.push([x, 1]);
  });
  return runs;
}
