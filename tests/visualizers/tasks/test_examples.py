"""Every example of the four tasks on the page, answered with its truth on one side and with prose on the other."""

import pytest

from sigma.aimicius import NAMES
from tests.aimicius.driven import right, whole
from tests.visualizers.tasks.site import TruthEngine, launch_tasks
from tests.visualizers.tasks.test_tasks_page import Guest
from visualizers.tasks.loader import TaskLoader

pytestmark = pytest.mark.browser
PATIENCE = 90_000  # the first program in Optiflow's sandbox compiles a Python


@pytest.fixture(scope="module")
def real_site():
    """(task_loader, url) of a page over the four tasks."""
    task_loader = TaskLoader()
    engine = TruthEngine([task_loader.task(name) for name in NAMES], words=12)
    page, url, loader = launch_tasks(engine, task_loader)
    assert loader.wait(10)
    yield task_loader, url
    page.close()


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_judged_and_drawn(visit, real_site, name):
    task_loader, url = real_site
    task = task_loader.task(name)
    one = Guest(visit(url))
    if name != NAMES[0]:
        one.page.locator(f"#task-pick input[value={name}]").check()
    one.page.wait_for_function(
        "text => document.querySelector('#task-about')?.innerText.startsWith(text)",
        arg=task.about[:40],
        timeout=PATIENCE,
    )
    for index, case in enumerate(task.examples()):
        one.example(index)
        # The truth's own words in the box are those of this example, not of the one before it.
        one.page.wait_for_function(
            "text => document.querySelector('#task-answer-sigma [data-part=text]').textContent === text",
            arg=whole(task, case, right(task, case)),
            timeout=PATIENCE,
        )
        for side in ("sigma", "gqa"):
            one.page.wait_for_selector(f"#task-verdict-{side} .verdict[data-state=done]", timeout=PATIENCE)
        one.page.wait_for_selector("#task-run:visible", timeout=PATIENCE)
        said = one.page.locator("#task-verdict-sigma [role=status]").text_content()
        # Some cases ask for less than the whole: what applies must be full, and there must be something.
        values = [part.rsplit(" ", 2)[1] for part in said.rstrip(".").split(": ", 1)[1].split(", ")]
        assert values and set(values) == {"100.0"}, f"{case.id}: {said}"
        wrong = one.page.locator("#task-verdict-gqa [role=status]").text_content()
        assert "100.0" not in wrong, f"{case.id}: prose scores {wrong}"
        assert one.page.locator("#task-verdict-sigma .part-plain").count() == 0, "a part without a drawing"
        assert one.page.locator("#task-verdict-sigma .part-view").count() > 0
        assert one.visitor.overflow() <= 0
