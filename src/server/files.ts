import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";

/** One sheet of several files, in the order in which they build on each other. */
const STYLE = ["colors", "elements", "parts", "lists", "narrow"]
  .map((name) => readFileSync(new URL(`./style/${name}.css`, import.meta.url), "utf8"))
  .join("\n");
const ICON = readFileSync(new URL("./icon.svg", import.meta.url));

/** The version in the address lets browsers keep the sheet for ever. */
export const STYLE_PATH = `/style-${createHash("sha256").update(STYLE).digest("hex").slice(0, 12)}.css`;
export const ICON_PATH = "/icon.svg";

const FOR_EVER = "public, max-age=31536000, immutable";
const A_DAY = "public, max-age=86400";

/** What pages look like; the same for everybody. */
export function addFiles(app: FastifyInstance): void {
  app.get(STYLE_PATH, (_request, reply) => reply.type("text/css; charset=utf-8").header("cache-control", FOR_EVER).send(STYLE));
  app.get(ICON_PATH, (_request, reply) => reply.type("image/svg+xml").header("cache-control", A_DAY).send(ICON));
}
