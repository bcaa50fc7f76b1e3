// Links to a view: what the page's address asks for, when it is opened and whenever it changes.
import { fromHash } from "./state.js";

export class Links {
  // How many addresses were put in after the page was loaded, and are shown.
  followed = 0;
  #announce;
  // Resolves when the explorer can show something.
  ready = new Promise((done) => { this.#announce = done; });

  constructor(explorer, server, runs) {
    Object.assign(this, { explorer, server, runs });
  }

  async begin() {
    const link = fromHash(location.hash);
    await this.follow(link);
    this.#announce();
    // This tab is made when it is first opened: the chat may have ended an answer before that.
    if (!link && document.body.dataset.run === "over") this.runs.newest(false);
  }

  watch() {
    window.addEventListener("hashchange", async (event) => {
      // Not the location's own: a state that waits to be written may have replaced it by now.
      const link = fromHash(new URL(event.newURL).hash);
      if (!link) return;
      await this.follow(link);
      this.followed += 1;
    });
  }

  async follow(link) {
    if (!link) return this.explorer.open("recorded");
    const { run, text, ...wishes } = link.changes;
    if (link.question) return this.#reproduce(link.question, Object.assign(wishes, text === undefined ? {} : { text }));
    await this.explorer.open("recorded", text, wishes);
    if (run !== undefined && run !== "recorded") this.explorer.complain("The link names a run that is not known here; the recorded run is shown.");
  }

  // A link's question, answered by both sides; the recorded run stays when it cannot be.
  async #reproduce(question, wishes) {
    const { explorer } = this, waiting = "This link brings a question; both models answer it when they are loaded …";
    explorer.say("pending", waiting);
    try {
      const answer = await this.server.write({ op: "run", question },
        (so) => explorer.say("pending", so.words ? `This link brings a question. Sigma answers: ${so.words}` : waiting));
      explorer.say("pending", "");
      await explorer.open(answer.run, wishes.text, wishes);
    } catch (error) {
      explorer.say("pending", "");
      await explorer.open("recorded");
      explorer.complain(`The link's question could not be answered: ${error.message}.`);
    }
  }
}
