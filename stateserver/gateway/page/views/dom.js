/** Making and changing elements. Text is only ever text: what comes from a mine can't become markup. */

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * The element of that id, which index.html has.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * Change a text, if it is another: what doesn't change is not announced again.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Change an attribute, if it is another; null takes it away.
 * @param {Element} element
 * @param {string} name
 * @param {string | null} value
 */
export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * Make the children of an element be these, moving none that is in its place.
 * @param {Element} parent
 * @param {Element[]} children
 */
export function setChildren(parent, children) {
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
  while (parent.children.length > children.length) parent.lastElementChild?.remove();
}

/**
 * A fact with its name, as in a <dl>.
 * @param {string} name
 * @param {string} value
 * @param {Record<string, string>} [attributes]
 * @returns {HTMLElement}
 */
export function fact(name, value, attributes = {}) {
  return make("div", attributes, make("dt", {}, name), make("dd", {}, value));
}

/**
 * Show facts in a <dl>, leaving alone what hasn't changed.
 * @param {Element} list
 * @param {[name: string, value: string][]} facts
 */
export function showFacts(list, facts) {
  while (list.children.length < facts.length) list.append(fact("", ""));
  while (list.children.length > facts.length) list.lastElementChild?.remove();
  facts.forEach(([name, value], index) => {
    const [term, description] = list.children[index].children;
    setText(term, name);
    setText(description, value);
  });
}
