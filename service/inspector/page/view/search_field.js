/** The field in which one types what to search for. */

import { byId, typedById } from "./elements.js";

/** Milliseconds without a key after which what was typed is searched for. */
const SETTLED = 250;

/** @param {import("./facet_panel.js").CurrentView} current */
export function makeSearchField(current) {
  const field = typedById("search", HTMLInputElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  let isOwn = false;
  /** What the address last searched for; the field may hold what is still being typed. */
  let committed = "";

  function search() {
    clearTimeout(typing);
    isOwn = true;
    // One step back undoes the whole search, not its last letter.
    current.go({ q: field.value.trim() }, { replace: current.view().q !== "" });
    isOwn = false;
  }

  field.addEventListener("input", () => {
    clearTimeout(typing);
    // A phrase that is still being typed is no mistake yet.
    if (field.value.split('"').length % 2) typing = setTimeout(search, SETTLED);
  });
  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });

  return {
    /** @param {import("../state/address.js").View} view */
    show({ q }) {
      // What is being typed is not rewritten: a blank at its end, or all of it while something else changes.
      if (!isOwn && q !== committed) field.value = q;
      committed = q;
    },
    clear() {
      clearTimeout(typing);
      field.value = "";
    },
    focus: () => field.focus(),
    select() {
      field.focus();
      field.select();
    },
  };
}
