/** How often any message was written anew: no two readings give the same bytes. */
let readings = 0;

/**
 * The same message in other bytes, as Exchange writes it (reference wire 2.4): another order of the header fields, other boundaries, other encodings of
 * single texts.
 */
export function regenerate(mime: Buffer): Buffer {
  const reading = ++readings;
  const text = mime.toString("latin1");
  const end = text.search(/\r?\n\r?\n/);
  const head = end < 0 ? text : text.slice(0, end);
  const body = end < 0 ? "" : text.slice(end).replace(/^\r?\n\r?\n/, "");
  const fields = head.split(/\r?\n(?![ \t])/).reverse();
  const boundary = /boundary="?([^";\r\n]+)"?/i.exec(head)?.[1];
  if (boundary !== undefined)
    return Buffer.from(`${[...fields, ""].join("\r\n")}\r\n${body}`.replaceAll(boundary, `_${reading}_${boundary}`), "latin1");
  const encoded = fields.some((field) => /^content-transfer-encoding:/i.test(field));
  if (encoded) return Buffer.from(`X-Reading: ${reading}\r\n${[...fields, ""].join("\r\n")}\r\n${body}`, "latin1");
  const lines = Buffer.from(body, "latin1").toString("base64").replace(/.{76}/g, "$&\r\n");
  return Buffer.from(`X-Reading: ${reading}\r\nContent-Transfer-Encoding: base64\r\n${fields.join("\r\n")}\r\n\r\n${lines}\r\n`, "latin1");
}
