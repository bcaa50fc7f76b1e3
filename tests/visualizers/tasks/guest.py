"""A visitor of the Tasks tab in a real browser."""


class Guest:
    """A visitor who has opened the Tasks tab."""

    def __init__(self, visitor):
        self.visitor, self.page = visitor, visitor.page
        self.page.get_by_role("tab", name="Tasks").click()
        self.page.wait_for_selector("#task-example-0:visible")

    def example(self, index):
        self.page.locator(f"#task-example-{index}").click()

    def field(self, index):
        return self.page.locator(f"#task-field-{index} textarea, #task-field-{index} input").first

    def ask(self):
        self.page.locator("#task-run").click()

    def wait_verdict(self, who, state="done"):
        self.page.wait_for_selector(f"#task-verdict-{who} .verdict[data-state={state}]", timeout=20_000)

    def wait_idle(self):
        self.page.wait_for_selector("#task-run:visible", timeout=20_000)

    def verdict(self, who):
        return self.page.locator(f"#task-verdict-{who}").inner_text()

    def answer(self, side):
        return self.page.locator(f"#task-answer-{side}").inner_text()

    def wait_text(self, selector, text):
        self.visitor.wait_text(selector, text)

    def open(self, box):
        self.page.locator(f"{box} button.label-wrap").click()
