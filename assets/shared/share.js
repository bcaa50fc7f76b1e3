// A button that copies a link, on any tab.
import { framed } from "./address.js";
import { copyText } from "./clipboard.js";

// Puts a link into the clipboard and says in a sentence what happened. In a frame no address bar shows the link: where the
// browser does not let it be copied there, `box`, which holds a text field, offers it to be copied by hand.
export async function giveLink(url, box) {
  const copied = await copyText(url), byHand = !copied && framed(), input = box.querySelector("input");
  box.hidden = !byHand;
  input.value = byHand ? url : "";
  if (byHand) input.select();
  if (copied) return "Link copied.";
  return byHand ? "The link could not be copied." : "The link is in the address bar now.";
}
