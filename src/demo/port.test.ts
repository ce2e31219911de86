import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { portOrAny } from "./port.ts";

test("a free port is kept, and a taken one gives way to any other", async () => {
  const other = createServer().listen({ host: "127.0.0.1", port: 0 });
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  assert.equal(await portOrAny(port), 0);
  other.close();
  await once(other, "close");
  assert.equal(await portOrAny(port), port);
  assert.equal(await portOrAny(0), 0);
});
