// The address of the page, changed without a new entry in the browser's history.

function replace(url) {
  if (url !== location.pathname + location.search + location.hash) history.replaceState(history.state, "", url);
}

// Path and query are written too: the page has a <base>, and a bare fragment would drop ?tour= from the address.
export const setHash = (hash) => replace(location.pathname + location.search + hash);

// Where others find the page. In a frame the address bar is the outer page's: on Spaces that is the Space's own, which hands
// what follows the # on to the frame when it loads (Hub documentation, "How to handle URL parameters in Spaces"; a Gradio
// page's own changes it does not take over); elsewhere the frame's address leads to the page without what is around it.
export const framed = () => window.self !== window.top;

export function sharedAddress(hash) {
  const space = document.querySelector('meta[name="sigma-space"]')?.content;
  return (framed() && space ? `https://huggingface.co/spaces/${space}` : location.href.replace(/[?#].*$/, "")) + hash;
}

// `value` null takes the name out of the query.
export function setQuery(name, value) {
  const url = new URL(location.href);
  if (value === null) url.searchParams.delete(name);
  else url.searchParams.set(name, value);
  replace(url.pathname + url.search + url.hash);
}
