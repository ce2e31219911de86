/** MD4 (RFC 1320) for the tests' own NTLM server: OpenSSL has given it up, and what is checked must not check itself. */

const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by));

export function md4(input: Buffer): Buffer {
  const padded = Buffer.alloc((((input.length + 8) >> 6) + 1) * 64);
  input.copy(padded);
  padded[input.length] = 0x80;
  padded.writeUInt32LE((input.length << 3) >>> 0, padded.length - 8);
  let [a, b, c, d] = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let block = 0; block < padded.length; block += 64) {
    const word = (index: number) => padded.readInt32LE(block + index * 4);
    const [startA, startB, startC, startD] = [a, b, c, d];
    const step = (mixed: number, index: number, constant: number, by: number) => {
      const next = rotate((a + mixed + word(index) + constant) | 0, by);
      [a, b, c, d] = [d, next, b, c];
    };
    for (let index = 0; index < 16; index++) step((b & c) | (~b & d), index, 0, [3, 7, 11, 19][index % 4] ?? 0);
    for (let index = 0; index < 16; index++)
      step((b & c) | (b & d) | (c & d), (index % 4) * 4 + (index >> 2), 0x5a827999, [3, 5, 9, 13][index % 4] ?? 0);
    for (const [index, word3] of [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15].entries())
      step(b ^ c ^ d, word3, 0x6ed9eba1, [3, 9, 11, 15][index % 4] ?? 0);
    [a, b, c, d] = [(a + startA) | 0, (b + startB) | 0, (c + startC) | 0, (d + startD) | 0];
  }
  const out = Buffer.alloc(16);
  for (const [index, value] of [a, b, c, d].entries()) out.writeInt32LE(value, index * 4);
  return out;
}
