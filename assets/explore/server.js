// The explorer's questions to the server.

export class Server {
  #introduce;

  // Who asks: the token that the server gives a page when it has opened. The first picture does not wait for it.
  #introduced = new Promise((done) => { this.#introduce = done; });

  constructor(root, functions) {
    this.root = root;
    this.functions = functions;
    this.ask = this.ask.bind(this);
  }

  introduce(page) {
    this.page = page;
    this.#introduce();
  }

  // A Promise of the answer, with its `size` in characters.
  async ask(question) {
    await this.#introduced;
    const text = await this.functions.ask_explorer(JSON.stringify(Object.assign({ page: this.page }, question)));
    this.root.dataset.bytes = Number(this.root.dataset.bytes || 0) + text.length;
    return Object.assign(JSON.parse(text), { size: text.length });
  }

  // Asks the server to write something, and waits for its end; `note(answer)` is told how far it is.
  async write(question, note) {
    for (;;) {
      const answer = await this.ask(question);
      if (answer.error) throw new Error(answer.error.replace(/\.$/, ""));
      if (answer.pending === undefined) return answer;
      question = Object.assign({}, question, { job: answer.job });
      note(answer);
      await new Promise((done) => setTimeout(done, 400));
    }
  }
}
