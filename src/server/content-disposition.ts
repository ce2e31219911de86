/**
 * The Content-Disposition value of a download: quoted ASCII for old clients, UTF-8 for all others (RFC 6266 4.3, RFC 8187 3.2). No file
 * name can end the value, add a field or name a folder.
 */
export function attachmentDisposition(filename: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be replaced
  const name = filename.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f/\\]/g, "_") || "attachment";
  const ascii = name.replace(/[^\x20-\x7e]|["%]/g, "_");
  const encoded = encodeURIComponent(name).replace(/['()*!]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
