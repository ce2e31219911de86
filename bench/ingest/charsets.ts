import iconv from "iconv-lite";

/** A charset that mail is written in, with sentences that it can hold. */
export interface Script {
  readonly charset: string;
  readonly sentences: readonly string[];
  encode(text: string): Buffer;
}

const WESTERN = [
  "Für Rückfragen stehen wir Ihnen jederzeit gern zur Verfügung.",
  "La réunion est déplacée à jeudi, même salle, même heure.",
  "El año próximo señalaremos los precios con más antelación.",
];
const CYRILLIC = ["Пришлите, пожалуйста, счёт до конца недели.", "Мы получили ваш заказ и готовим отгрузку."];
const JAPANESE = ["納期についてご確認をお願いいたします。", "見積書を添付しましたのでご覧ください。"];
const CHINESE = ["请查收附件中的合同。", "我们将在下周一发货。"];

/** Sixteen charsets; what each says can be said in it. */
export const SCRIPTS: readonly Script[] = [
  script("us-ascii", "ascii", ["Please find the signed contract attached.", "Could you confirm the delivery date for the second batch?"]),
  script("utf-8", "utf8", [...WESTERN, ...CYRILLIC, ...JAPANESE, "Grüße aus Zürich 🙂"]),
  script("iso-8859-1", "latin1", WESTERN),
  script("iso-8859-2", "iso-8859-2", ["Proszę o potwierdzenie zamówienia do środy.", "Děkujeme, zásilka dorazila v pořádku."]),
  script("iso-8859-15", "iso-8859-15", [...WESTERN, "Der Preis beträgt 1.250 € zuzüglich Umsatzsteuer."]),
  script("windows-1250", "windows-1250", ["Kérjük, erősítse meg a szállítási címet.", "Faktúra je přiložena."]),
  script("windows-1251", "windows-1251", CYRILLIC),
  script("windows-1252", "windows-1252", [...WESTERN, "Das Angebot – „freibleibend“ – gilt bis Monatsende."]),
  script("windows-1253", "windows-1253", ["Παρακαλώ επιβεβαιώστε την παραγγελία.", "Το τιμολόγιο επισυνάπτεται."]),
  script("koi8-r", "koi8-r", CYRILLIC),
  script("shift_jis", "shift_jis", JAPANESE),
  script("euc-jp", "euc-jp", JAPANESE),
  { charset: "iso-2022-jp", sentences: JAPANESE, encode: iso2022jp },
  script("gb18030", "gb18030", CHINESE),
  script("big5", "big5", ["請查收附件中的合約。", "我們將在下週一出貨。"]),
  script("euc-kr", "euc-kr", ["첨부된 계약서를 확인해 주십시오.", "다음 주 월요일에 발송하겠습니다."]),
];

/** 7-bit text, so that a part in it needs no encoding (RFC 2045 6.2). */
export function isSevenBit({ charset }: Script): boolean {
  return charset === "us-ascii" || charset === "iso-2022-jp";
}

function script(charset: string, encoding: string, sentences: readonly string[]): Script {
  for (const sentence of sentences) {
    if (iconv.decode(iconv.encode(sentence, encoding), encoding) !== sentence) throw new Error(`${charset} cannot hold: ${sentence}`);
  }
  return { charset, sentences, encode: (text) => iconv.encode(text, encoding) };
}

/** RFC 1468: the bytes of EUC-JP without their high bits, between escape sequences. */
function iso2022jp(text: string): Buffer {
  const pieces = text.split(/([\u0020-\u007e\r\n]+)/).filter((piece) => piece !== "");
  return Buffer.concat(
    pieces.map((piece) =>
      /^[\u0020-\u007e\r\n]/.test(piece)
        ? Buffer.from(piece, "ascii")
        : Buffer.concat([
            Buffer.from("\x1b$B", "latin1"),
            Buffer.from(iconv.encode(piece, "euc-jp").map((byte) => byte & 0x7f)),
            Buffer.from("\x1b(B", "latin1"),
          ]),
    ),
  );
}
