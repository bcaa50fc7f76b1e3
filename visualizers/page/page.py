"""Composition: the top line, the status chip, the tabs, and what happens when a page opens or closes."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from sigma.events import SideInfo
from sigma.limits.current import limits
from sigma.serving.entrance import Entrance
from sigma.serving.operators import operator_routes
from sigma.serving.routes import routes
from visualizers.chat import recording
from visualizers.chat.api import make_chat, make_compare
from visualizers.chat.column import column_heads
from visualizers.chat.columns.handlers import ColumnHandlers
from visualizers.chat.examples import known_questions
from visualizers.chat.handlers import ChatHandlers, infos_of
from visualizers.chat.tab import ChatTab, chat_tab
from visualizers.efficiency.api import make_efficiency
from visualizers.efficiency.handlers import add_efficiency
from visualizers.efficiency.lab import Lab
from visualizers.explore.api import make_attention, make_selective
from visualizers.explore.handlers import ExploreHandlers, first_view_script
from visualizers.memory.api import kv_memory
from visualizers.memory.tab import memory_tab
from visualizers.page import assets, policy, theme, zerogpu
from visualizers.page.about import about_tab
from visualizers.page.blocks import Blocks
from visualizers.page.refusals import REFUSALS
from visualizers.page.shut import shut_routes, tell_failures
from visualizers.page.status import chip
from visualizers.page.streams import Unbuffered
from visualizers.page.words import LIMITS, SENTENCE, TITLE, limits_of
from visualizers.shared.conversation import Conversation
from visualizers.shared.line import Line
from visualizers.shared.loader import EngineLoader
from visualizers.shared.programs import Programs, share
from visualizers.shared.runs import Runs
from visualizers.shared.turn_handlers import QUICK
from visualizers.tasks.handlers import add_tasks
from visualizers.tasks.judging import Judges
from visualizers.tasks.loader import TaskLoader
from visualizers.tasks.offer.handlers import OfferHandlers
from visualizers.tour.tab import tour_button

MEASURING = 4
"""Programs that want to measure and hold a thread: one measures, the others wait in its line, the rest in Gradio's queue."""

FAILED_SECONDS = 4.0
"""How often a page looks again whether there is a model after all."""

RECORDED = assets.ASSETS / "examples" / "recorded.json"
EXPLORED = assets.ASSETS / "examples" / "explore.json"


def build_page(
    loader: EngineLoader,
    task_loader: TaskLoader | None = None,
    together: int | None = None,
) -> gr.Blocks:
    """The whole page over an engine loader, started or not.

    What it gives is what `sigma.limits` says; `together`: another number of visitors that are answered at a time.
    `task_loader` holds the tasks. Launch it with `page.launch(**launch_options(loader))`.
    """
    line = loader.meter.lines["page"] = Line(together)
    runs, lab = Runs(loader, line), Lab(loader)
    explore = ExploreHandlers(loader, EXPLORED)
    task_loader, judges = task_loader or TaskLoader(), Judges()
    offer = OfferHandlers(runs, task_loader, judges, known_questions)
    infos = recording.recorded_info(recording.read(RECORDED))
    with Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        with gr.Row(elem_id="top", equal_height=True):
            gr.HTML(f"<h1>{SENTENCE}</h1>", elem_id="sentence", padding=False, apply_default_css=False, js_on_load=None)
            tour_button()
            status = gr.HTML(elem_id="status", padding=False, apply_default_css=False, js_on_load=None)
        about = gr.HTML(_limits(LIMITS), elem_id="limits", padding=False, apply_default_css=False, js_on_load=None)
        # Wrapped, every tab is in the bar: gradio's menu hides those that do not fit a phone.
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap"):
            with gr.Tab("Chat", id="chat"):
                leave_chat = lambda conversation: conversation and runs.leave(conversation.session)  # noqa: E731
                tab = chat_tab(infos, leave_chat, offer.layout)
            with gr.Tab("Explore", id="explore"):
                explore_view = explore.layout()
            add_tasks(page, loader, infos, task_loader, line, judges)
            with gr.Tab("Memory", id="memory"):
                memory_tab(loader, infos)
            add_efficiency(page, loader, lab)
            with gr.Tab("About", id="about"):
                about_tab()
        chat = ChatHandlers(tab, runs, infos)
        offer.wire(tab.state, chat.wire())
        ColumnHandlers(tab, loader, chat.parts, infos).wire()
        chat.wire_opening(page)
        explore.wire(page, explore_view, tab.state)
        _watch_loading(page, loader, status, about, tab, infos)
        _name_endpoints(Programs(loader))
        gr.api(make_efficiency(lab), api_name="efficiency", concurrency_id="efficiency", concurrency_limit=MEASURING)

        def leave(request: gr.Request) -> None:
            runs.close_page(request.session_hash)

        page.unload(leave)
    page.queue(max_size=limits().max_waiting, default_concurrency_limit=4)
    return page


def _name_endpoints(programs: Programs) -> None:
    """What programs and agents may call by name; each function's docstring is its description there."""
    endpoints = {
        "chat": make_chat(programs),
        "compare": make_compare(programs),
        "attention": make_attention(programs),
        "selective_v": make_selective(programs),
    }
    for name, function in endpoints.items():
        gr.api(function, api_name=name, **share())
    gr.api(kv_memory, api_name="kv_memory")


def _limits(words: str) -> str:
    return f'<p class="limits">{escape(words)}</p>'


def _watch_loading(
    page: gr.Blocks, loader: EngineLoader, status: gr.HTML, about: gr.HTML, tab: ChatTab, default: dict[str, SideInfo]
) -> None:
    """Keep the chip up to date while the model loads; then describe the loaded sides and stop asking."""
    timer = gr.Timer(0.5)
    watched = [status, about, *tab.heads.values(), tab.layer, timer]

    def look_again(layer: float, conversation: Conversation | None) -> dict[Any, Any]:
        updates: dict[Any, Any] = {status: chip(loader)}
        if loader.status.phase == "loading" or conversation is None:  # not yet, or the page is only just opening
            return updates
        # What could not be loaded may be loaded yet: whoever asks begins that again.
        updates[timer] = gr.Timer(active=False) if loader.engine is not None else gr.Timer(FAILED_SECONDS)
        if loader.engine is not None:
            last = loader.engine.info("sigma").layers - 1
            updates[tab.layer] = gr.update(maximum=last, **({"value": last} if layer > last else {}))
            infos = infos_of(loader.engine)
            updates[about] = _limits(limits_of(infos, default))
            heads = column_heads(conversation.made if conversation else {}, infos)
            updates |= {tab.heads[column]: head for column, head in heads.items()}
        return updates

    # Not queued: a prompt is often sent while this ticks.
    gr.on([page.load, timer.tick], look_again, [tab.layer, tab.state], watched, **QUICK)


def launch_options(loader: EngineLoader, mcp: bool = False, lent: bool = False) -> dict[str, Any]:
    """Arguments for `Blocks.launch`: the look, the routes beside the page, and limits that a public page needs.

    `mcp`: offer the named endpoints as tools to agents, too. `lent`: answers are made on a GPU that is lent. OpenAI's clients have a line of their own: no visitor of the
    page waits for them.
    """
    most = limits()
    line = loader.meter.lines["v1"] = Line(most.v1_together)
    tell_failures()
    served = [
        *shut_routes(),
        *assets.routes(),
        *routes(loader, line, visitors=loader.meter.visitors),
        *operator_routes(loader),
    ]
    middleware = [*policy.MIDDLEWARE, Middleware(Entrance), Middleware(Unbuffered)]
    if lent:
        middleware.append(Middleware(zerogpu.Borrowers))
    return {
        "theme": theme.theme(),
        "css": assets.style_sheet(),
        "head": theme.head(recording.read(RECORDED)) + first_view_script(EXPLORED),
        "app_kwargs": {
            "routes": served,
            "exception_handlers": REFUSALS,
            "middleware": middleware,
        },
        "footer_links": ["api"],
        "show_error": False,
        "state_session_capacity": most.pages,
        # Everybody who waits for the engine or is answered holds one; the others are for buttons, endpoints, the explorer.
        "max_threads": 40 + most.max_waiting + most.together,
        "ssr_mode": False,
        "run_history": False,
        "enable_monitoring": False,
        "mcp_server": mcp,
    }
