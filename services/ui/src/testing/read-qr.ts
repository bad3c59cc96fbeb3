/**
 * Reads a QR code as a phone would have to, strictly: from the picture alone and without correcting anything, so that one wrong
 * module fails. ISO/IEC 18004, versions 7 to 10 at level M, bytes only: what an `otpauth://` address comes to.
 */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, opacity of each pixel, row by row. */
  readonly pixels: readonly number[];
}

/** For each version where alignment patterns stand, and how many data bytes each block holds. */
const versions: Readonly<Record<number, { readonly centres: readonly number[]; readonly blocks: readonly number[] }>> = {
  7: { centres: [6, 22, 38], blocks: [31, 31, 31, 31] },
  8: { centres: [6, 24, 42], blocks: [38, 38, 39, 39] },
  9: { centres: [6, 26, 46], blocks: [36, 36, 36, 37, 37] },
  10: { centres: [6, 28, 50], blocks: [43, 43, 43, 43, 44] },
};

const masks: readonly ((y: number, x: number) => boolean)[] = [
  (y, x) => (y + x) % 2 === 0,
  (y) => y % 2 === 0,
  (_, x) => x % 3 === 0,
  (y, x) => (y + x) % 3 === 0,
  (y, x) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (y, x) => ((y * x) % 2) + ((y * x) % 3) === 0,
  (y, x) => (((y * x) % 2) + ((y * x) % 3)) % 2 === 0,
  (y, x) => (((y + x) % 2) + ((y * x) % 3)) % 2 === 0,
];

type Dark = (y: number, x: number) => boolean;

/** @throws Error where the picture holds no such code. */
export function readQr(picture: Picture): string {
  const { dark, size } = findModules(picture);
  const version = (size - 17) / 4;
  const layout = versions[version];
  if (!layout) throw new Error(`a QR code of ${size} modules is none of the sizes that are read here`);
  const format = bitsOf([0, 1, 2, 3, 4, 5, 7, 8].map((x) => dark(8, x)).concat([7, 5, 4, 3, 2, 1, 0].map((y) => dark(y, 8)))) ^ 0x5412;
  const mask = masks[(format >> 10) & 7];
  if (format >> 13 !== 0 || !mask) throw new Error('the QR code is not of level M');
  const bytes = bytesOf(size, (y, x) => dark(y, x) !== mask(y, x), layout.centres);
  const data = deinterleave(bytes, layout.blocks);
  const bits = data.flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((at) => ((byte >> at) & 1) === 1));
  const head = version < 10 ? 12 : 20;
  if (bitsOf(bits.slice(0, 4)) !== 4) throw new Error('the QR code does not hold bytes');
  const length = bitsOf(bits.slice(4, head));
  return Buffer.from(Array.from({ length }, (_, at) => bitsOf(bits.slice(head + 8 * at, head + 8 * at + 8)))).toString('utf8');
}

const bitsOf = (bits: readonly boolean[]): number => bits.reduce((value, bit) => value * 2 + (bit ? 1 : 0), 0);

/** The square of dark modules, and how large one is: the first run of its first row is the seven modules of a finder. */
function findModules({ width, height, pixels }: Picture): { dark: Dark; size: number } {
  const isDark: Dark = (y, x) => (pixels[4 * (y * width + x)] ?? 255) < 128;
  const inside = (ys: readonly number[], xs: readonly number[], dark: Dark): number[] => {
    const lines = ys.map((y) => xs.some((x) => dark(y, x)));
    // What lies before the first white line, at the very edge of the picture, belongs to what is around the code.
    return ys.slice(lines.indexOf(false), lines.lastIndexOf(false)).filter((_, at) => lines[at + lines.indexOf(false)]);
  };
  const [allRows, allColumns] = [height, width].map((length) => Array.from({ length }, (_, at) => at)) as [number[], number[]];
  const rows = inside(allRows, allColumns.slice(4, -4), isDark);
  const columns = inside(allColumns, rows, (x, y) => isDark(y, x));
  const [top = 0, left = 0] = [rows[0], columns[0]];
  const across = (columns.at(-1) ?? 0) - left + 1;
  let run = 0;
  while (isDark(top + 1, left + 1 + run)) run += 1;
  if (run === 0 || top < 2 || left < 2) throw new Error('the picture holds no QR code with white around it');
  const size = 17 + 4 * Math.round((across / ((run + 1) / 7) - 17) / 4);
  const module = across / size;
  return { size, dark: (y, x) => isDark(Math.floor(top + (y + 0.5) * module), Math.floor(left + (x + 0.5) * module)) };
}

/** The modules that are neither pattern nor format, in the order of the bits: pairs of columns from the right, up and down in turn. */
function bytesOf(size: number, bit: Dark, centres: readonly number[]): number[] {
  const last = centres.at(-1) ?? 0;
  const isAlignment: Dark = (y, x) => centres.some((cy) => centres.some((cx) => !(cy === 6 && (cx === 6 || cx === last)) && !(cx === 6 && cy === last) && Math.abs(y - cy) <= 2 && Math.abs(x - cx) <= 2));
  const isPattern: Dark = (y, x) =>
    y === 6 || x === 6 || (y < 9 && (x < 9 || x >= size - 8)) || (x < 9 && y >= size - 8) || (y < 6 && x >= size - 11) || (x < 6 && y >= size - 11) || isAlignment(y, x);
  const bits: boolean[] = [];
  const pairs = Array.from({ length: (size - 1) / 2 }, (_, at) => size - 1 - 2 * at).map((right) => (right <= 6 ? right - 1 : right));
  pairs.forEach((right, turn) => {
    for (let step = 0; step < size; step++) {
      const y = turn % 2 === 0 ? size - 1 - step : step;
      for (const x of [right, right - 1]) if (!isPattern(y, x)) bits.push(bit(y, x));
    }
  });
  return Array.from({ length: Math.floor(bits.length / 8) }, (_, at) => bitsOf(bits.slice(8 * at, 8 * at + 8)));
}

/** The bytes stand block by block in turn, the first of each, then the second. */
function deinterleave(bytes: readonly number[], sizes: readonly number[]): number[] {
  const blocks = sizes.map((): number[] => []);
  let next = 0;
  for (let round = 0; round < Math.max(...sizes); round++) {
    sizes.forEach((size, at) => {
      if (round < size) blocks[at]?.push(bytes[next++] ?? 0);
    });
  }
  return blocks.flat();
}
