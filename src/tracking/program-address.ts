/** What says, in the languages that our senders write, that nobody reads what is sent there. */
const UNREAD = [
  "(?:please[._-]?)?(?:no|do[._-]?not|dont|never)[._-]?(?:reply|replies|respond|response|answer)",
  "(?:bitte[._-]?)?(?:nicht|keine?)[._-]?(?:antwort|antworten|beantworten|rueckantwort)",
  "(?:ne[._-]?pas|pas[._-]?de|sans)[._-]?(?:repondre|reponses?)",
  "no[._-]?(?:responder|responda|responde|contestar|conteste|contesta|respuesta)",
  "(?:non|nessuna)[._-]?(?:rispondere|rispondete|risposta)",
  "(?:nao|sem)[._-]?(?:responder|responda|resposta)",
  "(?:niet|geen)[._-]?(?:beantwoorden|antwoorden|reageren|antwoord)",
].join("|");

/** Words under which programs write, though a person may read the answers. */
const PROGRAMS = [
  "bounces?|newsletters?|notifications?|notify|notifier|mailings?|mailer|daemon|postmaster|listserv|majordomo|alerts?|robot|nobody",
  "auto[._-]?(?:reply|replies|responder|respond|response|confirm|confirmation|mail|mailer|mated|antwort|notify|generated)",
  "benachrichtigung(?:en)?|rundbrief|infolettre|alertes?|alertas?|boletin(?:es)?|notificacion(?:es)?|notifiche|notifica",
  "notificacao|notificacoes|respuesta[._-]?automatica|resposta[._-]?automatica|risposta[._-]?automatica|reponse[._-]?automatique",
  "nieuwsbrief|meldingen|notificaties",
].join("|");

/** Words end where a separator stands, before it a number at most: noreply2 is a second program, alertson a person. */
const END = "\\d*(?:$|[._+=-])";
const BEGINS_UNREAD = new RegExp(`^(?:${UNREAD})${END}`, "i");
const HAS_WORD = new RegExp(`(?:^|[._+=-])(?:${UNREAD}|${PROGRAMS})${END}`, "i");

/** Whether an address says of itself that nobody reads what is sent to it. */
export function isUnread(address: string): boolean {
  return BEGINS_UNREAD.test(localPart(address));
}

/**
 * Whether programs write under such an address. Wider than {@link isUnread}: a mark of automatic mail that is taken too wide calls a person's mail
 * automatic, here it only leaves the address to be resolved by hand.
 */
export function isProgramAddress(address: string): boolean {
  return HAS_WORD.test(localPart(address));
}

/** Without accents, which addresses may have (RFC 6531). */
function localPart(address: string): string {
  const text = address.trim();
  return text
    .slice(0, Math.max(text.lastIndexOf("@"), 0))
    .normalize("NFD")
    .replace(/\p{M}/gu, "");
}
