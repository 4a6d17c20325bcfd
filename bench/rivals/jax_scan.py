"""JAX on the CPU: python3 jax_scan.py THREADS SECONDS FILE… (the protocol is in problem.mjs).

An iteration is one function under jit: the products over x at once, lax.scan over time, its gradient, clip and Adam.
Ways differ in how many steps a turn of the scan takes, which lets XLA join what is between the products.
"""
import os

from problem import race_all, say, threads

flags = os.environ.get("XLA_FLAGS", "")
if threads == 1:
    flags += " --xla_cpu_multi_thread_eigen=false"
os.environ["XLA_FLAGS"] = flags
os.environ["NPROC"] = str(threads)  # as many threads as XLA's pool gets
os.environ["JAX_PLATFORMS"] = "cpu"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])

import jax  # noqa: E402  reads what is set above
import jax.numpy as jnp  # noqa: E402

UNROLLS = [1, 8]
RATE = 1e-9


def relu_step(a, state, w):
    return (jax.nn.relu(a + state[0] @ w["Whh"].T),)


def lstm_step(a, state, w):
    h, c = state
    i, f, g, o = jnp.split(a + h @ w["Whh"].T, 4, axis=1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru_step(a, state, w):
    (h,) = state
    r, z, n = jnp.split(a, 3, axis=1)
    hr, hz, hn = jnp.split(h @ w["Whh"].T + w["bh"], 3, axis=1)
    z = jax.nn.sigmoid(z + hz)
    n = jnp.tanh(n + jax.nn.sigmoid(r + hr) * hn)
    return (n + z * (h - n),)


STEPS = {"relu": relu_step, "lstm": lstm_step, "gru": gru_step}


def loss_of(problem, unroll):
    """The loss as a function of weights, x and y."""

    def head(w, h, y):
        out = h @ w["headW"].T + w["headB"]
        if problem.K == 0:
            return jnp.mean((out - y) ** 2)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(out), y[:, None], axis=1))

    if problem.cell == "softmax":
        return lambda w, x, y: head(w, x[0], y)
    step = STEPS[problem.cell]

    def loss(w, x, y):
        a = x @ w["Wxh"].T + w["bx"] + (0 if problem.cell == "gru" else w["bh"])
        zero = jnp.zeros((problem.B, problem.H), jnp.float32)
        state = (zero, zero) if problem.cell == "lstm" else (zero,)
        state, _ = jax.lax.scan(lambda state, one: (step(one, state, w), None), state, a, unroll=unroll)
        return head(w, state[0], y)

    return loss


def norm_of(gradients):
    return jnp.sqrt(sum(jnp.vdot(g, g) for g in gradients.values()))


def iteration_of(problem, unroll):
    """Loss, norm of the gradient, the gradient of x if it is wanted, and the weights and moments after an update."""
    gradient = jax.value_and_grad(loss_of(problem, unroll), (0, 1) if problem.input_gradient else (0,))

    def iteration(w, m, v, x, y):
        loss, (g, *dx) = gradient(w, x, y)
        norm = norm_of(g)
        factor = jnp.minimum(1, 1 / norm)
        g = {name: factor * value for name, value in g.items()}
        m = {name: m[name] + 0.1 * (g[name] - m[name]) for name in g}
        v = {name: v[name] + 0.001 * (g[name] ** 2 - v[name]) for name in g}
        w = {name: w[name] - RATE * m[name] / (jnp.sqrt(v[name]) + 1e-8) for name in g}
        return loss, norm, dx, (w, m, v)

    return jax.jit(iteration, donate_argnums=(0, 1, 2))


def recurrent(problem, unroll):
    iteration = iteration_of(problem, unroll)
    x, y = jnp.asarray(problem.x), jnp.asarray(problem.y)
    fresh = lambda value: jax.tree.map(value, problem.weights)
    state = fresh(jnp.array), fresh(jnp.zeros_like), fresh(jnp.zeros_like)

    def run(check):
        nonlocal state
        loss, norm, dx, state = iteration(*state, x, y)
        jax.block_until_ready((loss, norm, dx, state))
        return {"loss": float(loss), "gradNorm": float(norm)} if check else None

    return run


def softmax(problem):
    """S6 ends after backward."""
    gradient = jax.jit(jax.value_and_grad(loss_of(problem, 1), (0, 1)))
    w, x, y = jax.tree.map(jnp.array, problem.weights), jnp.asarray(problem.x), jnp.asarray(problem.y)

    def run(check):
        loss, (g, dx) = jax.block_until_ready(gradient(w, x, y))
        return {"loss": float(loss), "gradNorm": float(norm_of(g))} if check else None

    return run


def ways(problem):
    if problem.cell == "softmax":
        return {"jit": softmax(problem)}
    named = {f"lax.scan{'' if n == 1 else f', {n} steps a turn'}, jit": n for n in UNROLLS}
    return {name: recurrent(problem, unroll) for name, unroll in named.items()}


say({"version": jax.__version__, "note": "XLA without YNNPACK" if "ynn_fusion_type=" in flags else "XLA"})
race_all(ways)
