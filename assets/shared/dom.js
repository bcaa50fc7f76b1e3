// Elements and their text. Text is only ever put in as text, and only where it is not there already.

// An element with text and attributes; children may be elements or strings. Nothing is ever read as markup.
export function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

// Code and other text that is data stays as it is when a browser translates the page.
export function keepAsWritten(element) {
  for (const data of element.querySelectorAll("pre, code")) data.translate = false;
}

export function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}
