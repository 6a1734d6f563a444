/**
 * Making elements. Strings become text nodes and attributes only: nothing that came from outside is ever parsed as HTML.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {string | number | Node | null | undefined | false} Child  null, undefined and false add nothing
 * @typedef {Record<string, unknown>} Attributes  true sets it empty, false and null leave it away,
 *   a function named on… listens
 */

/**
 * @param {Element} made
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on") && typeof value === "function") {
      made.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }
  made.append(...present(children));
}

/**
 * @param {Child[]} children
 * @returns {(string | Node)[]}
 */
function present(children) {
  const kept = [];
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    kept.push(typeof child === "number" ? String(child) : child);
  }
  return kept;
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  fill(made, attributes, children);
  return made;
}

/**
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[Name]}
 */
export function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  fill(made, attributes, children);
  return made;
}

/**
 * The element of the page with this id. It stands in index.html, so its absence is a mistake of ours.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  return typedById(id, HTMLElement);
}

/**
 * The same for what has more than every element of HTML: a field, a dialog, a picture.
 * @template {Element} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function typedById(id, kind) {
  const there = document.getElementById(id);
  if (!(there instanceof kind)) throw new Error(`index.html has no ${kind.name} with the id ${id}`);
  return there;
}

/**
 * The first element in `parent` that `selector` names, to be focused or pressed.
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function within(parent, selector) {
  return /** @type {HTMLElement | null} */ (parent.querySelector(selector));
}

/**
 * A button that submits nothing.
 * @param {string} label
 * @param {(event: MouseEvent) => void} onclick
 * @param {Attributes} [attributes]
 */
export function button(label, onclick, attributes = {}) {
  return element("button", { type: "button", onclick, ...attributes }, label);
}

/**
 * Puts these in place of whatever `parent` holds.
 * @param {Element} parent
 * @param {...Child} children
 */
export function replace(parent, ...children) {
  parent.replaceChildren(...present(children));
}

/**
 * Sets a text only where it differs, so that nothing is laid out or read aloud again for nothing.
 * @param {Element} where
 * @param {string} text
 */
export function setText(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

/**
 * Copies to the clipboard; on plain http from another machine, where browsers forbid that, by way of a selection.
 * @param {string} text
 * @returns {Promise<boolean>} whether it was copied
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element("textarea", { class: "unseen", readonly: true });
    area.value = text;
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    (before?.closest("dialog") ?? document.body).append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    before?.focus();
    return isCopied;
  }
}

/**
 * Another word on a button for a moment.
 * @param {HTMLElement} button
 * @param {string} word
 */
export function flash(button, word) {
  const usual = button.dataset.usual ?? button.textContent ?? "";
  button.dataset.usual = usual;
  button.textContent = word;
  setTimeout(() => (button.textContent = usual), 1600);
}

/**
 * Calls that come before the next frame become one.
 * @param {() => void} draw
 * @returns {() => void}
 */
export function oncePerFrame(draw) {
  let isPlanned = false;
  return () => {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(() => {
      isPlanned = false;
      draw();
    });
  };
}
