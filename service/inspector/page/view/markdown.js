/**
 * Markdown as elements. markdown-it reads a text into tokens, and each token becomes an element of the list below:
 * HTML is never made, so none of a text can become any. Pictures are named and not fetched.
 */

import { laidOut } from "../text/json_layout.js";
import { element } from "./elements.js";

/**
 * @typedef {object} Token  of markdown-it
 * @property {string} type
 * @property {string} tag
 * @property {1 | 0 | -1} nesting  it begins, is, or ends something
 * @property {string} content
 * @property {string} info  the words after a fence
 * @property {Token[] | null} children
 * @property {(name: string) => string | number | null} attrGet
 *
 * @typedef {{parse: (text: string, environment: object) => Token[]}} Parser
 */

/** Not named in an import: it is fetched when somebody first wants it, and its own types are not ours to check. */
const LIBRARY = "../vendor/markdown-it.mjs";
/** A second of reading at the worst. Longer texts stay as they were sent. */
export const MOST_CHARACTERS = 100_000;
const PLAIN = Object.freeze(/** @type {const} */ ([
  "p", "ul", "li", "blockquote", "table", "thead", "tbody", "tr", "em", "strong", "s",
]));
const ALIGNED = Object.freeze(/** @type {const} */ (["th", "td"]));
const PROTOCOLS = Object.freeze(["http:", "https:", "mailto:"]);
/** The title of a message is an h3: its own headings stand below that. */
const [FIRST_LEVEL, LAST_LEVEL] = [4, 6];

/** @type {Promise<Parser> | undefined} */
let loading;

/**
 * Fetches what reads Markdown, once. Rejects where the recorder cannot be reached, and tries again the next time.
 * @returns {Promise<Parser>}
 */
export function loadMarkdown() {
  loading ??= import(LIBRARY).then(({ default: MarkdownIt }) => new MarkdownIt("default", { html: false, linkify: false, typographer: false }));
  loading.catch(() => (loading = undefined));
  return loading;
}

/**
 * @param {Parser} parser
 * @param {string} text
 */
export function markdownPart(parser, text) {
  return filled(element("div", { class: "text markdown", dir: "auto" }), parser.parse(text, {}));
}

/**
 * @template {HTMLElement} Root
 * @param {Root} root
 * @param {Token[]} tokens
 */
function filled(root, tokens) {
  /** @type {HTMLElement[]} */
  const open = [root];
  for (const token of tokens) {
    const parent = open[open.length - 1];
    if (token.nesting === 1) {
      const made = containerOf(token);
      parent.append(made);
      open.push(made);
    } else if (token.nesting === -1) {
      const ended = open.length > 1 ? open.pop() : undefined;
      if (ended instanceof HTMLAnchorElement) nameHost(ended);
    } else if (token.type === "inline") filled(parent, token.children ?? []);
    else parent.append(leafOf(token));
  }
  return root;
}

/**
 * @param {Token} token
 * @returns {HTMLElement}
 */
function containerOf(token) {
  const { tag } = token;
  if (tag === "a") return linkOf(String(token.attrGet("href") ?? ""));
  if (tag === "ol") return element("ol", { start: token.attrGet("start") });
  if (/^h[1-6]$/.test(tag)) return element(`h${/** @type {4 | 5 | 6} */ (Math.min(LAST_LEVEL, Number(tag[1]) + FIRST_LEVEL - 1))}`, { dir: "auto" });
  const aligned = ALIGNED.find((name) => name === tag);
  if (aligned) return element(aligned, { class: alignmentOf(String(token.attrGet("style") ?? "")) });
  const plain = PLAIN.find((name) => name === tag);
  return plain ? element(plain, plain === "p" || plain === "li" ? { dir: "auto" } : {}) : element("span");
}

/** @param {string} style  "text-align:center" */
function alignmentOf(style) {
  return /^text-align:(center|right)$/.exec(style)?.[1] ?? false;
}

/**
 * A link to another site. What leads elsewhere, into this page for instance, stays words.
 * @param {string} href
 */
function linkOf(href) {
  const address = addressOf(href);
  if (!address) return element("span", { title: href });
  return element("a", { href: address.href, title: address.href, target: "_blank", rel: "noopener noreferrer" });
}

/** @param {string} href */
function addressOf(href) {
  const address = URL.canParse(href) ? new URL(href) : undefined;
  return address && PROTOCOLS.includes(address.protocol) ? address : undefined;
}

/**
 * Words may name another site than they lead to: where they do not name it, it stands beside them.
 * @param {HTMLAnchorElement} link
 */
function nameHost(link) {
  const to = link.protocol === "mailto:" ? decoded(link.pathname) : link.host;
  if (to && (link.textContent ?? "").trim() !== link.href && (link.textContent ?? "").trim() !== to) link.after(element("bdi", { class: "quiet" }, ` (${to})`));
}

/** @param {string} path */
function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * @param {Token} token
 * @returns {Node | string}
 */
function leafOf(token) {
  const { type, content, info, children } = token;
  if (type === "softbreak" || type === "hardbreak") return "\n";
  if (type === "hr") return element("hr");
  if (type === "code_inline") return element("code", { dir: "ltr" }, content);
  if (type === "fence") return codeOf(/^json\b/i.test(info.trim()) ? laidOut(content.trimEnd()) : content);
  if (type === "code_block") return codeOf(content);
  if (type !== "image") return content;
  const words = (children ?? []).map((child) => child.content).join("");
  return element("span", { class: "image", title: token.attrGet("src") }, words ? `image: ${words}` : "image");
}

/** @param {string} code */
function codeOf(code) {
  return element("pre", { class: "code", dir: "ltr", tabindex: "0" }, element("code", {}, code.replace(/\n$/, "")));
}
