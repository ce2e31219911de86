/** Code pages of Windows whose name is not their number. */
const NAMED: Readonly<Record<number, string>> = {
  874: "windows-874",
  932: "shift_jis",
  936: "gbk",
  949: "euc-kr",
  950: "big5",
  1200: "utf-16le",
  1201: "utf-16be",
  10000: "macintosh",
  10007: "x-mac-cyrillic",
  20127: "us-ascii",
  20866: "koi8-r",
  20932: "euc-jp",
  21866: "koi8-u",
  50220: "iso-2022-jp",
  50221: "iso-2022-jp",
  50222: "iso-2022-jp",
  50225: "iso-2022-kr",
  51932: "euc-jp",
  51936: "gbk",
  51949: "euc-kr",
  52936: "hz-gb-2312",
  54936: "gb18030",
  65000: "utf-7",
  65001: "utf-8",
};

/** The code page of fonts by their `\fcharset` (RTF 1.9.1, font table). */
const OF_FONTS: Readonly<Record<number, number>> = {
  0: 1252,
  77: 10000,
  128: 932,
  129: 949,
  134: 936,
  136: 950,
  161: 1253,
  162: 1254,
  163: 1258,
  177: 1255,
  178: 1256,
  186: 1257,
  204: 1251,
  222: 874,
  238: 1250,
  254: 437,
  255: 850,
};

/** The charset label of a Windows code page; for a number that is none, that of Western Europe. */
export function codePageLabel(codePage: number): string {
  const named = NAMED[codePage];
  if (named !== undefined) return named;
  if (codePage >= 1250 && codePage <= 1258) return `windows-${codePage}`;
  if (codePage >= 28591 && codePage <= 28606) return `iso-8859-${codePage - 28590}`;
  return codePage >= 437 && codePage <= 869 ? `cp${codePage}` : "windows-1252";
}

/** The charset label of a font's `\fcharset`, or null where it means the document's own. */
export function fontCharsetLabel(charset: number): string | null {
  const codePage = OF_FONTS[charset];
  return codePage === undefined ? null : codePageLabel(codePage);
}
