import sanitizeHtml from "sanitize-html";

/** Longest HTML that is shown, in characters; the rest is cut off. Conversations of years stay below it. */
export const SHOWN_HTML = 1024 * 1024;
/** Elements inside each other; layouts of nested tables need about forty. */
const NESTING = 100;
/** Longest style attribute, in characters; longer ones are no person's work. */
const STYLE_LENGTH = 4000;

/** A body that is safe to show in a sandboxed frame, and what was left out of it, as sentences. */
export interface SafeBody {
  readonly markup: string;
  readonly remarks: readonly string[];
}

/**
 * The HTML body of a message with only what formats text: no script, style sheet, form, frame or link that leads anywhere, and no
 * picture but those in `pictures` (`data:` addresses by Content-ID) and those that the body itself brings as `data:`. Time grows faster
 * than the length for hostile nesting, so this runs in a thread with a deadline (`sanitizer.ts`).
 */
export function sanitize(body: string, pictures: ReadonlyMap<string, string>): SafeBody {
  const blocked = { remote: 0, missing: 0, links: 0 };
  const markup = sanitizeHtml(body.slice(0, SHOWN_HTML).toWellFormed(), {
    allowedTags: TAGS,
    nonTextTags: UNSEEN,
    allowedAttributes: ATTRIBUTES,
    allowedStyles: { "*": STYLES },
    allowedSchemes: [],
    allowedSchemesByTag: { img: ["data"] },
    allowedSchemesAppliedToAttributes: ["src", "href", "cite", "background"],
    allowProtocolRelative: false,
    nestingLimit: NESTING,
    transformTags: {
      a: (tagName, attribs) => {
        if (attribs.href !== undefined) blocked.links++;
        return { tagName, attribs: { ...attribs, title: attribs.href ?? attribs.title ?? "" } };
      },
      img: (tagName, attribs) => {
        const src = pictureAt(attribs.src ?? "", pictures);
        if (src !== null) return { tagName, attribs: { ...attribs, src } };
        if (/^\s*cid:/i.test(attribs.src ?? "")) blocked.missing++;
        else blocked.remote++;
        return { tagName: "span", attribs: {}, text: attribs.alt ? `[${attribs.alt}]` : "" };
      },
      "*": (tagName, attribs) => ({ tagName, attribs: withoutLongStyle(attribs) }),
    },
  });
  return { markup, remarks: remarksOf(body.length, blocked) };
}

const TAGS =
  "a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark ol p pre q s samp section small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var wbr".split(
    " ",
  );

/** Elements that go with all they hold; of others that are not allowed the text stays. */
const UNSEEN =
  "script style title template noscript textarea option select xmp plaintext noembed noframes iframe object svg math audio video canvas".split(
    " ",
  );

const ATTRIBUTES: Readonly<Record<string, string[]>> = {
  "*": ["style", "title", "dir", "lang", "align", "valign", "bgcolor", "width", "height"],
  img: ["src", "alt", "border", "hspace", "vspace"],
  table: ["border", "cellpadding", "cellspacing"],
  td: ["colspan", "rowspan", "nowrap"],
  th: ["colspan", "rowspan", "nowrap"],
  col: ["span"],
  colgroup: ["span"],
  font: ["color", "face", "size"],
  ol: ["start", "type"],
  li: ["value", "type"],
  ul: ["type"],
  hr: ["size", "color", "noshade"],
};

/** Words, numbers, lengths, quoted font names and colours; no function that could fetch (`url()`, `image-set()`) and no escape that could spell one. */
const PLAIN_VALUE = /^(?:[-\w\s#%.,'"!/+]|\b(?:rgb|rgba|hsl|hsla)\([-\d\s.,%/]*\))*$/i;

/** Nothing that moves text out of its place: no position, no transform, no negative indent beyond the sandbox's own frame. */
const STYLES: Readonly<Record<string, RegExp[]>> = Object.fromEntries(
  [
    ..."background background-color border border-collapse border-color border-radius border-spacing border-style border-width".split(" "),
    ..."border-bottom border-left border-right border-top clear color direction display float height letter-spacing line-height".split(" "),
    ..."font font-family font-size font-style font-variant font-weight list-style list-style-type margin margin-bottom margin-left".split(
      " ",
    ),
    ..."margin-right margin-top max-height max-width min-height min-width padding padding-bottom padding-left padding-right padding-top".split(
      " ",
    ),
    ..."table-layout text-align text-decoration text-indent text-transform unicode-bidi vertical-align white-space width word-break word-spacing".split(
      " ",
    ),
    "overflow-wrap",
  ].map((property) => [property, [PLAIN_VALUE]]),
);

/** Raster pictures only: SVG is a document, and may hold anything. */
const DATA_PICTURE = /^data:image\/(?:png|jpeg|jpg|gif|webp|bmp);base64,[a-z0-9+/=]+$/i;

function pictureAt(src: string, pictures: ReadonlyMap<string, string>): string | null {
  const address = src.replace(/\s+/g, "");
  const contentId = /^cid:(.+)$/i.exec(address)?.[1];
  if (contentId !== undefined) return pictures.get(contentId) ?? pictures.get(decoded(contentId)) ?? null;
  return DATA_PICTURE.test(address) ? address : null;
}

/** A `cid:` address is percent-encoded (RFC 2392); one that is not is its own. */
function decoded(contentId: string): string {
  try {
    return decodeURIComponent(contentId);
  } catch {
    return contentId;
  }
}

function withoutLongStyle(attribs: sanitizeHtml.Attributes): sanitizeHtml.Attributes {
  if ((attribs.style?.length ?? 0) <= STYLE_LENGTH) return attribs;
  const { style: _, ...others } = attribs;
  return others;
}

function remarksOf(length: number, blocked: { readonly remote: number; readonly missing: number; readonly links: number }): string[] {
  const pictures = (count: number) => (count === 1 ? "1 picture" : `${count} pictures`);
  return [
    ...(length > SHOWN_HTML ? [`The body is ${length} characters long; the first ${SHOWN_HTML} are shown.`] : []),
    ...(blocked.remote > 0 ? [`${pictures(blocked.remote)} from elsewhere ${blocked.remote === 1 ? "is" : "are"} not loaded.`] : []),
    ...(blocked.missing > 0 ? [`${pictures(blocked.missing)} of the message cannot be shown.`] : []),
    ...(blocked.links > 0 ? ["Links are switched off; point at one to see where it leads."] : []),
  ];
}
