/** What mail programs write between a reply and what it quotes, in lower case, in the languages that they speak. */

const words = (list: string): ReadonlySet<string> => new Set(list.split("|"));

/** First words of a line that says who wrote what is quoted ("On Monday ... Ann wrote:"). */
export const ATTRIBUTION_LEADS: readonly string[] =
  "on |le |am |op |el |il |em |den |på |w dniu |dnia |pe |ke |ti |to |ma |la |su |dne |il giorno |in data |в |ср, |чт, |пт, |сб, |вс, |пн, |вт, |在 |在".split(
    "|",
  );

/** Words of which such a line has one, at its end or before a name. */
export const ATTRIBUTION_VERBS: readonly string[] =
  "wrote|sent|a écrit|schrieb|schreef|geschreven|escribió|ha scritto|scritto|escreveu|skrev|napisał|pisze|kirjoitti|napsal|написал|пишет|пише|写道|寫道|のメッセージ|작성|yazdı|írta".split(
    "|",
  );

/** Lines between dashes above a whole message that is quoted. */
export const ORIGINAL_MESSAGE = words(
  "original message|reply message|original appointment|ursprüngliche nachricht|antwort nachricht|originalnachricht|oprindelig meddelelse|oprindelig besked|message d'origine|message d’origine|message original|mensaje original|messaggio originale|messaggio originario|mensagem original|oorspronkelijk bericht|oorspronkelijke bericht|ursprungligt meddelande|opprinnelig melding|alkuperäinen viesti|исходное сообщение|wiadomość oryginalna|původní zpráva|原始邮件|原始郵件|元のメッセージ|원본 메시지",
);

/** Lines between dashes, or of their own, above a message that is handed on: what follows is what the sender wanted to say. */
export const FORWARDED_MESSAGE = words(
  "forwarded message|begin forwarded message|weitergeleitete nachricht|anfang der weitergeleiteten nachricht|message transféré|début du message transféré|mensaje reenviado|inicio del mensaje reenviado|messaggio inoltrato|inizio messaggio inoltrato|mensagem encaminhada|doorgestuurd bericht|begin doorgestuurd bericht|vidarebefordrat meddelande|videresendt meddelelse|videresendt melding|välitetty viesti|пересылаемое сообщение|przekazana wiadomość|转发的邮件|轉寄的郵件|転送メッセージ",
);

/** Names of the lines of a message's head as programs quote it. */
export const SENDER_LABELS = words("from|von|de|van|da|fra|från|lähettäjä|от|od|发件人|寄件者|差出人|보낸 사람|kimden");
export const DATE_LABELS = words(
  "sent|date|gesendet|datum|envoyé|envoyé le|verzonden|inviato|enviado|enviada|enviado em|enviado el|fecha|data|dato|sendt|skickat|lähetetty|отправлено|дата|wysłano|odesláno|发送时间|日期|寄件日期|送信日時|日時|보낸 날짜|gönderme tarihi",
);
export const OTHER_LABELS = words(
  "to|cc|an|à|a|aan|para|til|till|vastaanottaja|кому|do|komu|收件人|收件者|宛先|받는 사람|kime|kopie|copie|kopia|抄送|副本",
);
export const SUBJECT_LABELS = words(
  "subject|betreff|objet|onderwerp|oggetto|asunto|assunto|emne|ämne|aihe|тема|temat|předmět|主题|主旨|主旨|件名|제목|konu",
);

/** How a line begins that a telephone puts under what was written on it. */
export const SENT_FROM: readonly string[] =
  "sent from |sent via |sent with |get outlook for |gesendet von |gesendet mit |von meinem |envoyé de |envoyé depuis |envoyé à partir |télécharger outlook |enviado desde |enviado do |enviado de |obtener outlook |inviato da |scarica outlook |verzonden vanaf |verstuurd vanaf |verzonden met |sendt fra |skickat från |lähetetty |отправлено с |отправлено из |wysłano z |wysłane z |odesláno z |发自|從我的|iphoneから送信|나의 iphone에서 보냄".split(
    "|",
  );
