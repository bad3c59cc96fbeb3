const paths = {
  chat: 'M3 4.500h14v9H9l-4 3v-3H3z',
  policy: 'M10 2.500 16 5v4.500c0 4-2.500 6.500-6 8-3.500-1.500-6-4-6-8V5zM7.300 9.800l2 2 3.500-4',
  memory: 'M4 3.500h9.500L16 6v10.500H4zM7 3.500v4h5v-4M7 16.500v-5h6v5',
  messengers: 'M2.500 3.500h10.500v7.500H8l-2.500 2.500V11h-3zM15 7h2.500v7H16v2.500L13.500 14H9v-1',
  folder: 'M2.500 5h5.500l1.500 2h8v9h-15z',
  download: 'M10 3v9M6 8.500l4 4 4-4M3.500 16.500h13',
  file: 'M5 2.500h7l3 3v12H5zM12 2.500v3h3',
  activity: 'M3 10h3l2-5 4 10 2-5h3',
  health: 'M10 17s-7-4.200-7-9a3.800 3.800 0 0 1 7-2 3.800 3.800 0 0 1 7 2c0 4.800-7 9-7 9z',
  plus: 'M10 4v12M4 10h12',
  menu: 'M3 5.500h14M3 10h14M3 14.500h14',
  close: 'M5 5l10 10M15 5 5 15',
  check: 'M4 10.500l4 4 8-9',
  cross: 'M5.500 5.500l9 9M14.500 5.500l-9 9',
  clock: 'M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 6v4.300l2.800 1.700',
  copy: 'M7 7h9v9H7zM4 13V4h9',
  sun: 'M10 6.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7zM10 2v1.800M10 16.200V18M2 10h1.800M16.200 10H18M4.400 4.400l1.200 1.200M14.400 14.400l1.200 1.200M4.400 15.600l1.200-1.200M14.400 5.600l1.200-1.200',
  moon: 'M16.500 12A7 7 0 0 1 8 3.500a7 7 0 1 0 8.500 8.500z',
  auto: 'M10 3a7 7 0 1 1 0 14zM10 3v14M10 3a7 7 0 0 0 0 14',
  stop: 'M5.500 5.500h9v9h-9z',
  send: 'M3.500 10h12M10.500 4.800l5.200 5.200-5.200 5.200',
  pencil: 'M4 16l.8-3.400L13 4.400l2.600 2.600-8.200 8.200z',
  lock: 'M5 9h10v8H5zM7 9V6.500a3 3 0 0 1 6 0V9',
  alert: 'M10 3 18 16.500H2zM10 8v4M10 14v.8',
  octagon: 'M7 2.800h6L17.200 7v6L13 17.200H7L2.800 13V7zM10 6.500v4.500M10 13v.8',
  dot: 'M10 7.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5z',
  info: 'M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 9v5M10 6v.8',
  plug: 'M7 3v4M13 3v4M5 7h10v3a5 5 0 0 1-10 0zM10 15v3',
  keyboard: 'M2.500 5.500h15v9h-15zM5.500 8.500h.5M9 8.500h.5M12.500 8.500h.5M6.500 11.500h7',
  exit: 'M8 3.500H4v13h4M8 10h9M13.500 6.500 17 10l-3.500 3.500',
  terminal: 'M3 4h14v12H3zM6 8l2.500 2L6 12M10.500 12.500H14',
  chevron: 'M7.500 5l5 5-5 5',
} as const;

export type IconName = keyof typeof paths;

/** A line drawing beside a word; it says nothing of its own, so readers skip it. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.600" strokeLinejoin="round" strokeLinecap="round" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** The mark: two posts, a gate between them, and what waits below for leave to pass. */
export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 24 24" fill="none" aria-hidden="true">
      <path d="M4 20.500V4.500l8 8 8-8v16" stroke="currentColor" strokeWidth="2.600" strokeLinejoin="miter" />
      <circle className="mark-dot" cx="12" cy="18.700" r="2" />
    </svg>
  );
}
