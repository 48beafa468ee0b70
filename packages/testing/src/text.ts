const decoder = new TextDecoder();

/** A message as text; null stays null. */
export function text(bytes: Uint8Array): string;
export function text(bytes: Uint8Array | null): string | null;
export function text(bytes: Uint8Array | null): string | null {
	return bytes && decoder.decode(bytes);
}
