"""A request whose columns are each a model with settings of its own, on tiny real models."""

import pytest

from sigma.engine.engine import Model, SigmaEngine
from sigma.events import ChatRequest, Column, PromptError, Sampling, StepEvent
from sigma.runtime import Runtime
from tests.tiny import side_of, tiny_model

TEXT = "Which rows of V does a head read, and which ones does it leave?"


@pytest.fixture(scope="module")
def engine():
    def model(name, **changes):
        side = side_of(tiny_model(**changes), name)
        return Model(side, Runtime(side.config, side.tensors, weights="fp32"))

    sigma = dict(num_key_heads=1, augmented_query_dim=108)
    models = {"sigma": model("sigma", seed=1, **sigma), "gqa": model("gqa", num_key_heads=3)}
    tuned = {"sigma": model("tuned sigma", seed=2, **sigma), "gqa": model("tuned gqa", seed=3, num_key_heads=3)}
    engine = SigmaEngine(models, tuned)
    yield engine
    engine.close()


def asked(columns, text=TEXT):
    return ChatRequest({name: [{"role": "user", "content": text}] for name in columns}, probe_layer=0, columns=columns)


def steps(events, name):
    return [event for event in events if isinstance(event, StepEvent) and event.side == name]


def alone(engine, model, **options):
    """The tokens of one side, asked the plain way; `options` are the request's."""
    options = {"sampling": Sampling(max_new_tokens=12), **options}
    request = ChatRequest({model: [{"role": "user", "content": TEXT}]}, probe_layer=0, **options)
    return [event.token_id for event in steps(list(engine.stream(request)), model)]


def test_one_model_twice_with_a_k_of_its_own_is_what_each_is_alone(engine):
    sampling = Sampling(max_new_tokens=12)
    events = list(engine.stream(asked({"left": Column("sigma", sampling, 2), "right": Column("sigma", sampling)})))
    for name, k in (("left", 2), ("right", None)):
        told = steps(events, name)
        assert [event.token_id for event in told] == alone(engine, "sigma", selective_k=k)
        assert (told[-1].probe.positions is None) == (k is None)
        config = engine.models["sigma"].side.config
        tokens = told[-1].cache.tokens
        rows = config.num_value_heads * tokens if k is None else config.num_attention_heads * (k + 1)
        assert told[-1].cache.v_read == config.num_hidden_layers * rows * config.head_dim * 4


def test_sampling_and_the_tuned_base_are_a_columns_own(engine):
    warm = Sampling(temperature=1.0, seed=5, max_new_tokens=12)
    columns = {"left": Column("gqa", warm), "right": Column("gqa", Sampling(max_new_tokens=5), tuned=True)}
    events = list(engine.stream(asked(columns)))
    assert [e.token_id for e in steps(events, "left")] == alone(engine, "gqa", sampling=warm)
    assert [e.token_id for e in steps(events, "right")] == alone(
        engine, "gqa", sampling=Sampling(max_new_tokens=5), tuned=True
    )


def test_each_column_keeps_a_cache_for_the_next_turn_and_another_model_does_not_use_it(engine):
    columns = {"left": Column("sigma", selective_k=2), "right": Column("sigma")}
    list(engine.stream(asked(columns), "visitor"))
    past = engine.past_run("visitor")
    assert set(past.sides) == {"left", "right"} and past.request.column("left").selective_k == 2
    reused = {e.side: e.reused for e in list(engine.stream(asked(columns), "visitor"))[:2]}
    assert reused["left"] > 0 and reused["right"] > 0
    other = {**columns, "right": Column("gqa")}
    reused = {e.side: e.reused for e in list(engine.stream(asked(other), "visitor"))[:2]}
    assert reused["left"] > 0 and reused["right"] == 0
    engine.release("visitor")


@pytest.mark.parametrize(
    "column, words",
    [
        (Column("llama"), "no side 'llama'; there are sigma, gqa"),
        (Column("gqa", selective_k=4), "Selective V is Sigma's; the GQA side reads every V row"),
        (Column("sigma", selective_k=0), "k from 1 to the context length"),
        (Column("sigma", selective_k=1 << 20), "k from 1 to the context length"),
        (Column("sigma", selective_k=1, selective_missing_mass="keep"), "missing mass"),
        (Column("sigma", Sampling(max_new_tokens=0)), "At least one new token"),
    ],
)
def test_a_column_that_cannot_answer_is_named_before_anything_runs(engine, column, words):
    with pytest.raises(PromptError, match=words):
        engine.stream(asked({"left": Column("sigma"), "right": column}))


def test_a_request_without_columns_means_what_it_meant():
    request = ChatRequest({"sigma": [], "gqa": []}, Sampling(seed=7), selective_k=3, tuned=True)
    assert request.column("sigma") == Column("sigma", Sampling(seed=7), 3, tuned=True)
    assert request.column("gqa") == Column("gqa", Sampling(seed=7), None, tuned=True)
