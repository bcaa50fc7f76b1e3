// The chat's answers in the explorer: drawn while they are written, opened when they have ended.
import { watchLive } from "./live.js";

export class ChatRuns {
  #waiting = null;
  // Whether the explorer goes along with the chat; a visitor who asks for the recorded run ends that.
  follow = false;

  // `trigger` asks the server for the newest ended run; what it says comes as the component's value, `props.value`.
  constructor(explorer, server, props, trigger) {
    Object.assign(this, { explorer, server, props, trigger });
  }

  // `asked`: by the visitor, who is told when there is none.
  newest(asked) {
    this.#waiting = { asked };
    this.trigger("submit");
  }

  received() {
    if (!this.props.value) return;
    const value = JSON.parse(this.props.value), waiting = this.#waiting;
    this.server.introduce(value.page);
    if (value.run) {
      this.#waiting = null;
      this.explorer.open(value.run);
    } else if (waiting) {
      if (waiting.asked) this.explorer.complain(value.error || "There is no answer to explore yet: ask something in the Chat tab.");
      this.#waiting = null;
    }
  }

  leave() {
    this.follow = false;
    this.explorer.live = null;
  }

  watch() {
    watchLive(() => { this.follow = true; }, (next) => this.#moved(next), () => this.#ended());
  }

  #moved(next) {
    if (!this.follow) return;
    this.explorer.live = next;
    this.explorer.schedule();
  }

  #ended() {
    this.explorer.live = null;
    this.explorer.say("pending", "");
    this.explorer.sync();
    this.explorer.schedule();
    if (this.follow) this.newest(false);
  }
}
