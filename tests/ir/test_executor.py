"""The executor against the interpreter, on random networks; and what it owes its callers besides the right numbers."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from numpot.ir.executor import Executor
from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter

from .random_networks import inputs, networks

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
ARITHMETICS = st.sampled_from(["exact", "saturating"])


@FEW
@given(networks(int8=False), st.integers(1, 5))
def test_float_networks_are_the_interpreters_within_rounding(graph: Graph, batch: int) -> None:
    x = inputs(graph, batch)
    expected, found = Interpreter(graph).run(x)["y"], Executor(graph).run(x)["y"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * float(np.abs(expected).max()))


@FEW
@given(networks(int8=True), st.integers(1, 5), ARITHMETICS)
def test_integer_networks_are_the_interpreters_bit_for_bit(graph: Graph, batch: int, arithmetic) -> None:
    x = inputs(graph, batch)
    expected = Interpreter(graph, arithmetic=arithmetic).run(x)["y"]
    np.testing.assert_array_equal(Executor(graph, arithmetic=arithmetic).run(x)["y"], expected)
