// Elements and their text. Text is only ever put in as text, and only where it is not there already.

// An element with text and attributes; children may be elements or strings. Nothing is ever read as markup.
export function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

export function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}
