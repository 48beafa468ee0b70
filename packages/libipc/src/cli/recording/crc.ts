import { crc32 } from "node:zlib";

/** CRC-32 (that of zip, PNG and Ethernet) of some bytes. */
export const checksumOf = (bytes: Uint8Array): number => crc32(bytes);
