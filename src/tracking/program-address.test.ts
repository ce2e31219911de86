import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isProgramAddress, isUnread } from "./program-address.ts";

const UNREAD = [
  "noreply no-reply no.reply no_reply noreply1 noreply2 no-reply-eu no_reply_eu noreply+abc NoReply noreplies do-not-reply donotreply123 dontreply",
  "do_not_respond no-answer nicht-antworten nichtantworten bitte-nicht-antworten keineantwort keine-antwort2 ne-pas-repondre nepasrepondre",
  "ne-pas-répondre sans-reponse no-responder noresponder no-responda no-contestar non-rispondere nonrispondere1 nao-responda naoresponder",
  "não-responda nao_responder niet-beantwoorden nietantwoorden geen-antwoord",
].flatMap(words);

const PROGRAMS = [
  "shop-noreply shop_no-reply2 newsletter newsletter2 bounce-123 bounces1 bounces+ann=crm.example autoreply auto-reply auto.reply3 auto-confirm",
  "automail autoresponder automated notify notify5 notifications.shop alert alerts alerts24 fraud-alerts robot robot7 listserv nobody",
  "benachrichtigungen rundbrief notificaciones boletin notifiche notificacoes notificações nieuwsbrief alertes shop.autoantwort",
].flatMap(words);

const PEOPLE = [
  "roberta.bot robotnik roberta alertson bouncer mailerson anne.newsletterman norepl noreen nora.reply reply john2 auto autohaus",
  "nichte.antworth kein.mueller nathalie.pas non.sense notary noah.respond answer donna.response info support 2024 dontrell",
].flatMap(words);

function words(line: string): string[] {
  return line.split(" ");
}

describe("the address of a program", () => {
  for (const name of UNREAD)
    test(`${name}: nobody reads what is sent to it`, () => {
      assert.ok(isUnread(`${name}@shop.test`));
      assert.ok(isProgramAddress(` ${name.toUpperCase()}@shop.test `));
    });

  for (const name of PROGRAMS) test(`${name}: a program writes under it`, () => assert.ok(isProgramAddress(`${name}@shop.test`)));

  for (const name of PEOPLE)
    test(`${name} is a person`, () => {
      assert.ok(!isUnread(`${name}@shop.test`));
      assert.ok(!isProgramAddress(`${name}@shop.test`));
    });

  test("the domain tells nothing, and what is no address neither", () => {
    assert.ok(!isProgramAddress("bob@newsletter.test"));
    assert.ok(!isProgramAddress("no-reply"));
    assert.ok(!isUnread(""));
  });
});
