type Child = Node | string | undefined | false;
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Makes an element. `true` sets an attribute without a value; `false` and undefined leave it out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

/** The element of the page with this id. Throws when the page has none of this kind. */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (element instanceof kind) return element;
  throw new Error(`the page has no ${kind.name} #${id}`);
}

/** Writes a text where it differs: what has not changed is not announced, and a selection in it stays. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Writes a text that is there only while it says something. */
export function say(element: HTMLElement, text: string): void {
  setText(element, text);
  element.hidden = text === '';
}

/** Puts the children in their places; the focus stays where it is when its element stays. */
export function setChildren(parent: Element, children: readonly Node[]): void {
  const same =
    children.length === parent.childNodes.length &&
    children.every((child, i) => child === parent.childNodes[i]);
  if (same) return;
  const focused = document.activeElement;
  parent.replaceChildren(...children);
  if (focused instanceof HTMLElement && focused !== document.activeElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

/** A button that does something. */
export function button(label: string, attributes: Attributes, onClick: () => void): HTMLButtonElement {
  const made = h('button', { type: 'button', ...attributes }, label);
  made.addEventListener('click', onClick);
  return made;
}

/** Puts choices into a select; what is chosen stays chosen where it can, or else is `fallback`. */
export function setOptions(
  select: HTMLSelectElement,
  choices: readonly { value: string; label: string }[],
  fallback: string,
): void {
  const before = select.value;
  const texts = [...select.options].map(({ value, label }) => `${value} ${label}`);
  // An open list would close.
  if (texts.join('\n') === choices.map(({ value, label }) => `${value} ${label}`).join('\n')) return;
  select.replaceChildren(...choices.map(({ value, label }) => h('option', { value }, label)));
  select.value = choices.some(({ value }) => value === before) && before !== '' ? before : fallback;
}
