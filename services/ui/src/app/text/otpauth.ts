/** The secret of an `otpauth://` address, in base32, to be typed into an app that has no camera; null where it holds none. */
export function secretOf(uri: string): string | null {
  if (!URL.canParse(uri)) return null;
  const { protocol, searchParams } = new URL(uri);
  const secret = searchParams.get('secret') ?? '';
  return protocol === 'otpauth:' && /^[A-Z2-7]{16,128}$/.test(secret) ? secret : null;
}

/** In groups of four, so that nobody loses the place while typing. */
export const inGroups = (secret: string): string => secret.match(/.{1,4}/g)?.join(' ') ?? '';
