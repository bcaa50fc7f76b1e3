"""The model over R processes (tensor parallelism): which process holds which heads, as styles that a plan names.

Every process holds n_q / R query heads in order, and of K and V those heads that its queries read (Eq. 3):

    heads a multiple of R   heads / R of them: the rows of the projection are split
    R a multiple of heads   one of them, which R / heads processes hold: each has the whole projection, computes and
                            caches its own head alone

    32 / 4 / 16 heads, R = 8:   process   0      1      2      3     ...   7
                                Q         0-3    4-7    8-11   12-15       28-31
                                K         0      0      1      1           3
                                V         0-1    2-3    4-5    6-7         14-15

The augmented query mixes all query heads, so q_proj's output is gathered, its gate and up projections are split by
columns, and what the down projection sums up is scattered: each process gets its own query heads alone.
`SigmaConfig.base_model_tp_plan` is the plan.
"""

from __future__ import annotations

import contextlib

import torch
import torch.distributed as dist
from torch import Tensor, nn
from transformers.integrations.tensor_parallel import ALL_PARALLEL_STYLES, RowwiseParallel, TensorParallelLayer


class HeadProjection(nn.Linear):
    """A linear layer whose output [.., heads * width] is `heads` heads side by side."""

    def __init__(self, inputs: int, heads: int, width: int, bias: bool = False, mixed: bool = False):
        """mixed: whether what follows mixes all heads, as an augmented query does: every process needs the whole output."""
        super().__init__(inputs, heads * width, bias=bias)
        self.heads, self.mixed = heads, mixed


class KeyExpansion(HeadProjection):
    """W_e of every key head, stacked [n_k * d, d_k] ("half K dim"): applied to the query, so no K is expanded.

    q . (W_e k) = (W_e^T q) . k
    """

    def __init__(self, key_heads: int, head_dim: int, key_head_dim: int):
        super().__init__(key_head_dim, key_heads, head_dim)
        self.head_dim = head_dim

    def forward(self, q: Tensor) -> Tensor:
        """Queries [b, t, n_q * d] -> of K's width, [b, n_q, t, d_k]."""
        expand = self.weight.unflatten(0, (-1, self.head_dim))
        b, t, _ = q.shape
        q = q.view(b, t, expand.shape[0], -1, self.head_dim)
        return torch.einsum("btgid,gdc->bgitc", q, expand).flatten(1, 2)


class _SumGradient(torch.autograd.Function):
    """The tensor itself; its gradient is summed over the processes, each of which uses a part of it."""

    @staticmethod
    def forward(ctx, x, group):
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.contiguous()
        dist.all_reduce(gradient, group=ctx.group)
        return gradient, None


def used_in_parts(x: Tensor, mesh) -> Tensor:
    """x, which every process holds whole and uses a part of: see `_SumGradient`."""
    return _SumGradient.apply(x, mesh.get_group()) if torch.is_grad_enabled() and x.requires_grad else x


def check_split(name: str, heads: int, processes: int, may_repeat: bool) -> None:
    """Raise ValueError, with the numbers, if `processes` cannot share `heads` heads evenly."""
    if heads % processes and not (may_repeat and processes % heads == 0):
        rule = "or the other way round" if may_repeat else "one query head is never on two processes"
        raise ValueError(f"{name}: {heads} heads over {processes} processes; heads must be a multiple of them, {rule}")


class OwnHeads(TensorParallelLayer):
    """A `HeadProjection` of which every process computes the heads that it holds.

    may_repeat: whether several processes may hold the same head (keys and values). shared_input: whether every process
    has the same input, whose gradient is then the sum of theirs.
    """

    def __init__(self, may_repeat: bool, shared_input: bool = True):
        self.may_repeat, self.shared_input = may_repeat, shared_input

    def validate_param(self, module, param, mesh, parameter_name=None):
        check_split(parameter_name or param, module.heads, mesh.size(), self.may_repeat)

    def shard_param(self, module, param, mesh):
        whole = module._parameters.get(param)
        if whole is None or module.heads % mesh.size():
            return  # every process holds it whole
        from torch.distributed.tensor import Shard, distribute_tensor

        part = distribute_tensor(whole, mesh, [Shard(0)], src_data_rank=None)
        module._parameters[param] = nn.Parameter(part, requires_grad=whole.requires_grad)

    def install_forward(self, module, mesh):
        whole_forward = module.forward

        def forward(x: Tensor) -> Tensor:
            with self._own_rows(module, mesh):
                return whole_forward(used_in_parts(x, mesh) if self.shared_input else x)

        module.forward = forward
        return module

    @contextlib.contextmanager
    def _own_rows(self, module, mesh):
        """Meanwhile the layer's parameters are this process's rows of them."""
        whole = dict(module._parameters)
        for name, parameter in whole.items():
            if parameter is None:
                continue
            if module.heads % mesh.size() == 0:
                module._parameters[name] = parameter.to_local()
            else:
                width = parameter.shape[0] // module.heads
                head = mesh.get_local_rank() * module.heads // mesh.size()
                module._parameters[name] = used_in_parts(parameter, mesh)[head * width : (head + 1) * width]
        try:
            yield
        finally:
            module._parameters.update(whole)


class OwnQueries(OwnHeads):
    """`q_proj`: a process's own query heads, or all of them where an augmented query follows, which layers differ in."""

    def __init__(self):
        super().__init__(may_repeat=False)

    @staticmethod
    def _gathered() -> TensorParallelLayer:
        return ALL_PARALLEL_STYLES["colwise_gather_output"]

    def validate_param(self, module, param, mesh, parameter_name=None):
        if module.mixed:
            self._gathered().validate_param(module, param, mesh, parameter_name)
        else:
            super().validate_param(module, param, mesh, parameter_name)

    def shard_param(self, module, param, mesh):
        return (
            self._gathered().shard_param(module, param, mesh)
            if module.mixed
            else super().shard_param(module, param, mesh)
        )

    def install_forward(self, module, mesh):
        return self._gathered().install_forward(module, mesh) if module.mixed else super().install_forward(module, mesh)


class OwnQueryHeads(RowwiseParallel):
    """The augmented query's down projection: the processes' parts are summed, each keeps its own query heads."""

    def __init__(self):
        from torch.distributed.tensor import Shard

        super().__init__(output_layouts=Shard(-1))

    def validate_param(self, module, param, mesh, parameter_name=None):
        check_split(parameter_name or param, module.heads, mesh.size(), may_repeat=False)


if dist.is_available():
    ALL_PARALLEL_STYLES.register("diffqkv_queries", OwnQueries())
    ALL_PARALLEL_STYLES.register("diffqkv_queries_summed", OwnQueryHeads())
    ALL_PARALLEL_STYLES.register("diffqkv_heads", OwnHeads(may_repeat=True))
    ALL_PARALLEL_STYLES.register("diffqkv_expansion", OwnHeads(may_repeat=True, shared_input=False))
