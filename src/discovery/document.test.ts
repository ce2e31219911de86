import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure } from "../model/failure.ts";
import { fetchDocument, type HttpAnswer, type HttpRequest, MAXIMUM_REDIRECTS } from "./document.ts";

const START = "https://autoconfig.example.com/mail/config-v1.1.xml";
const PAGE: HttpAnswer = { status: 200, location: null, body: Buffer.from("page") };
const redirect = (location: string, status = 302): HttpAnswer => ({ status, location, body: Buffer.alloc(0) });

/** Asks a world in which each URL answers so; anything else is not there. */
async function fetched(pages: Readonly<Record<string, HttpAnswer>>, body: string | null = null) {
  const asked: HttpRequest[] = [];
  const exchange = async (request: HttpRequest): Promise<HttpAnswer> => {
    asked.push(request);
    return pages[request.url] ?? { status: 404, location: null, body: Buffer.alloc(0) };
  };
  const request = { url: START, body, mayBePrivate: true, signal: AbortSignal.timeout(1000) };
  return { ...(await fetchDocument(exchange, request, "example.com")), asked };
}

describe("a document", () => {
  it("is the answer at the end of the redirects; those within the registered domain need no doubt", async () => {
    const place = "https://www.example.com/config.xml";
    const { body, doubts, asked, ...rest } = await fetched({ [START]: redirect("//www.example.com/config.xml", 301), [place]: PAGE });
    assert.equal(body.toString(), "page");
    assert.deepEqual([rest.place, doubts], [place, []]);
    assert.ok(asked.every(({ mayBePrivate }) => mayBePrivate));
  });

  it("that lies elsewhere is told as such, and is not looked for inside this network", async () => {
    const place = "https://config.hoster.test/example";
    const { doubts, asked } = await fetched({ [START]: redirect(place), [place]: PAGE });
    assert.match(doubts[0] ?? "", /autoconfig\.example\.com leads to config\.hoster\.test, outside of example\.com/);
    assert.deepEqual(
      asked.map(({ mayBePrivate }) => mayBePrivate),
      [true, false],
    );
  });

  it("stays a doubt when the way comes back", async () => {
    const away = "https://hoster.test/";
    const back = "https://www.example.com/config.xml";
    const { doubts, asked } = await fetched({ [START]: redirect(away), [away]: redirect(back), [back]: PAGE });
    assert.equal(doubts.length, 1);
    assert.equal(asked.at(-1)?.mayBePrivate, false);
  });

  it("is not followed into clear text, to an address, to another port, to a user, or for ever", async () => {
    const wrong = [
      "http://www.example.com/",
      "ftp://example.com/",
      "https://10.0.0.1/",
      "https://[::1]/",
      "https://example.com:8443/",
      "https://u:p@example.com/",
      "https://",
    ];
    for (const location of wrong)
      await assert.rejects(
        fetched({ [START]: redirect(location) }),
        (error) => error instanceof Failure && error.code === "redirect refused",
        location,
      );
    await assert.rejects(fetched({ [START]: redirect(START) }), new RegExp(`more than ${MAXIMUM_REDIRECTS} times`));
  });

  it("is asked for with the same question at each step", async () => {
    const place = "https://www.example.com/";
    const { asked } = await fetched({ [START]: redirect(place, 307), [place]: PAGE }, "<question/>");
    assert.deepEqual(
      asked.map(({ body }) => body),
      ["<question/>", "<question/>"],
    );
  });
});
