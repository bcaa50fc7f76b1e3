// The page's tab bar, which is Gradio's: its buttons are known by their text.

export const tabButtons = () => [...document.querySelectorAll('#tabs button[role="tab"]')];

export const tabNamed = (name) => tabButtons().find((button) => button.textContent.trim() === name);

export const isOpen = (button) => button.getAttribute("aria-selected") === "true";
