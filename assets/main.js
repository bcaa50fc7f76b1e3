// Where the page's browser code begins, and the one name that it has on `window`:
//
//   window.sigma.mount(part, ...given)   draws a part of the page, named as in PARTS below, in its element: what a component's
//                                        `js_on_load` calls, once, with what Gradio gives it. A stub in the page's head
//                                        (visualizers/page/assets.py) keeps the calls that come before this module has run.
//   window.sigma.nextCall()              the number of the next call that says what was chosen in Chat: see chat/link.js
//   window.sigma.explore                 the explorer, once its tab has been opened: see explore/state.js
//
// All else is modules that import each other; an address under which they are served changes with their content.
import { mountChatLink, nextCall } from "./chat/link.js";
import { mountMessages } from "./chat/messages.js";
import { mountChat } from "./chat/mount.js";
import { mountProgress, mountTables } from "./efficiency/mount.js";
import { mountExplore } from "./explore/mount.js";
import { openExploreFromAddress } from "./explore/open.js";
import { mountMemory, openMemoryFromAddress } from "./memory/mount.js";
import { mountAnswer } from "./tasks/answer.js";
import { mountResults } from "./tasks/results.js";
import { mountVerdict } from "./tasks/verdict.js";
import { mountTour } from "./tour/tour.js";

const PARTS = {
  chat: mountChat, chat_link: mountChatLink, messages: mountMessages, explore: mountExplore, memory: mountMemory, tour: mountTour,
  answer: mountAnswer, verdict: mountVerdict, results: mountResults, efficiency_progress: mountProgress, efficiency_results: mountTables,
};

const early = window.sigma.waiting;
window.sigma = { mount: (part, ...given) => PARTS[part](...given), nextCall, explore: null };
for (const call of early) window.sigma.mount(...call);
openExploreFromAddress();
openMemoryFromAddress();
