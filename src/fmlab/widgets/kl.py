"""The KL explorer: the optimal policy for a reward and a KL penalty, at every beta."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from traitlets import Float, Int, List, Unicode, observe, validate

from fmlab.alignment.tabular import exact
from fmlab.arguments import Floats, as_floats, is_number, require, require_count
from fmlab.sampling import entropy
from fmlab.widgets.base import Widget, utf8

# The values of the slider of beta, and the largest N. The same in kl.js.
BETAS = tuple(float(f"{10 ** (k / 20):.1e}") for k in range(-34, 27))
MAX_N = 64
MAX_RESPONSES = 24
GOALS = ("reward", "true_reward")
FLAT = 1e-6  # a smaller rise, as a fraction of the range of the rewards, is rounding


class KLExplorer(Widget, files=("sliders.js", "kl.js", "kl.css")):
    """Show the optimal policy for a reward and a KL penalty, next to best-of-N.

    ``responses`` are the possible responses to one prompt, ``reference`` (R,) their probabilities,
    ``reward`` (R,) their scores by a reward model, and ``true_reward`` (R,), if given, their true
    values. The page shows the policy pi* that maximizes E[r] - beta KL(pi || pi_ref), the frontier
    of reward over KL along which it moves, and the other reward of the same policies. The
    arithmetic is that of `fmlab.alignment.tabular.exact`; KL and entropy are in nats.

    Set and observe ``beta`` (0.02 to 20), ``n`` of best-of-N (1 to 64), and ``goal``, the reward to
    optimize: "reward" or "true_reward". Observe the results for pi*, which the kernel computes
    itself: ``expected_reward``, ``expected_true_reward`` (None without one), ``kl``, ``entropy``,
    and ``objective``, the expected goal minus beta times the KL. ``policy`` and ``best_of_n`` are
    the two distributions (R,).

    Errors: ``ValueError`` for fewer than 2 or more than 24 responses, a reference that is not a
    distribution or has a 0, rewards that are not finite or not one per response, and settings out
    of range.

    >>> explorer = KLExplorer(["long", "short"], [0.9, 0.1], [0.0, 1.0], beta=0.5)
    >>> explorer.policy.round(4), round(explorer.kl, 4)
    (array([0.5491, 0.4509]), 0.4077)
    """

    beta = Float(1.0, help="The cost of a nat of KL, in units of reward.").tag(sync=True)
    n = Int(4, help="The number of samples of best-of-N.").tag(sync=True)
    goal = Unicode("reward", help='What is optimized: "reward" or "true_reward".').tag(sync=True)

    expected_reward = Float(read_only=True, help="The mean reward of pi*.")
    expected_true_reward = Float(
        None, allow_none=True, read_only=True, help="The mean true reward of pi*."
    )
    kl = Float(read_only=True, help="KL(pi* || reference), in nats.")
    entropy = Float(read_only=True, help="The entropy of pi*, in nats.")
    objective = Float(read_only=True, help="The expected goal minus beta KL.")

    responses = List(Unicode(), read_only=True, help="The texts.").tag(sync=True)
    reference = List(Float(), read_only=True, help="Their probabilities.").tag(sync=True)
    reward = List(Float(), read_only=True, help="Their scores by a reward model.").tag(sync=True)
    true_reward = List(Float(), read_only=True, help="Their true values.").tag(sync=True)

    def __init__(
        self,
        responses: Sequence[str],
        reference: ArrayLike,
        reward: ArrayLike,
        true_reward: ArrayLike | None = None,
        beta: float = 1.0,
        *,
        n: int = 4,
        goal: str = "reward",
        title: str = "KL explorer",
        **layout: object,
    ):
        responses = _checked_responses(responses)
        rewards = (
            {"reward": reward} if true_reward is None else dict(zip(GOALS, (reward, true_reward)))
        )
        self.rewards = {
            name: _checked_rewards(name, values, len(responses)) for name, values in rewards.items()
        }
        self._reference = _checked_reference(reference, len(responses))
        self.set_trait("responses", responses)
        self.set_trait("reference", self._reference.tolist())
        for name, values in self.rewards.items():
            self.set_trait(name, values.tolist())
        settings = {"beta": beta, "n": n, "goal": goal}
        checked = {name: self._checked(name, value) for name, value in settings.items()}
        super().__init__(**checked, title=title, **layout)

    @property
    def policy(self) -> Floats:
        """The optimum pi* (R,) at this beta: reference exp(goal / beta), normalized."""
        return exact.optimum(self._reference, self.rewards[self.goal], self.beta)

    @property
    def best_of_n(self) -> Floats:
        """The distribution (R,) of the best of n samples from the reference, by the goal."""
        return exact.best_of_n(self._reference, self.rewards[self.goal], self.n)

    @property
    def turning_point(self) -> float | None:
        """The slider's beta at which the other reward, not the goal, is largest; None at an end.

        With a smaller beta, the policy has more of the goal and less of the other reward.
        """
        other = self.rewards.get(next(name for name in GOALS if name != self.goal))
        if other is None:
            return None
        goal, betas = self.rewards[self.goal], BETAS[::-1]  # the smallest KL first
        means = np.array(
            [exact.mean(exact.optimum(self._reference, goal, b), other) for b in betas]
        )
        least = FLAT * np.ptp(other)
        if means.max() - max(means[0], means[-1]) <= least:
            return None
        return betas[int(np.argmax(means))]

    @validate("beta", "n", "goal")
    def _check(self, proposal: dict) -> float | int | str:
        return self._checked(proposal["trait"].name, proposal["value"])

    def _checked(self, name: str, value: object) -> float | int | str:
        if name == "goal":
            require(value in self.rewards, name, f"one of {', '.join(self.rewards)}", value)
            return value
        if name == "n":
            require_count(name, value)
            require(value <= MAX_N, name, f"an integer from 1 to {MAX_N}", value)
            return int(value)
        least, most = BETAS[0], BETAS[-1]
        valid = is_number(value) and least <= value <= most
        require(valid, name, f"a number from {least} to {most:g}", value)
        return float(value)

    @observe("beta", "goal")
    def _optimize(self, change: dict) -> None:
        policy = self.policy
        means = {name: exact.mean(policy, values) for name, values in self.rewards.items()}
        distance = exact.kl(policy, self._reference)
        self.set_trait("kl", distance)
        self.set_trait("entropy", float(entropy(policy, math.e)))
        self.set_trait("objective", means[self.goal] - self.beta * distance)
        for name, value in means.items():
            self.set_trait(f"expected_{name}", value)

    def _still(self) -> str:
        policy, best_of_n = self.policy, self.best_of_n
        names = [name.replace("_", " ").capitalize() for name in self.rewards]
        heads = ["Response", *names, "Reference", "Optimum", f"Best of {self.n}"]
        head = "".join(f"<th>{name}</th>" for name in heads)
        rows = "".join(
            _still_row(
                response,
                [f"{values[i]:.2f}" for values in self.rewards.values()],
                [self._reference[i], policy[i], best_of_n[i]],
            )
            for i, response in enumerate(self.responses)
        )
        return (
            f"<figure><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
            f"<figcaption>Probabilities of the responses: of the reference, and of the policy that "
            f"makes {self.goal.replace('_', ' ')} less {self.beta:g} times KL largest. Its KL is "
            f"{self.kl:.2f} nats, its reward {self.expected_reward:.2f}. With JavaScript, a "
            "slider changes beta.</figcaption></figure>"
        )


def _still_row(response: str, rewards: list[str], probs: list[float]) -> str:
    cells = "".join(f"<td>{text}</td>" for text in [*rewards, *(f"{p:.1%}" for p in probs)])
    return f"<tr><th>{html.escape(response)}</th>{cells}</tr>"


def _checked_responses(responses: object) -> list[str]:
    is_sequence = isinstance(responses, Sequence) and not isinstance(responses, str | bytes)
    valid = is_sequence and all(isinstance(text, str) for text in responses)
    valid = valid and 2 <= len(responses) <= MAX_RESPONSES
    require(valid, "responses", f"a sequence of 2 to {MAX_RESPONSES} texts (str)", responses)
    for i, text in enumerate(responses):
        utf8(f"responses[{i}]", text)
    return list(responses)


def _checked_reference(reference: ArrayLike, n: int) -> Floats:
    reference = as_floats("reference", reference)
    require(reference.shape == (n,), "reference", f"of shape ({n},)", reference.shape)
    valid = (reference > 0).all() and abs(reference.sum() - 1) < 1e-6
    require(valid, "reference", "probabilities above 0 that sum to 1", reference)
    return reference / reference.sum()


def _checked_rewards(name: str, values: ArrayLike, n: int) -> Floats:
    values = as_floats(name, values)
    require(values.shape == (n,), name, f"of shape ({n},), one per response", values.shape)
    valid = np.isfinite(values).all() and abs(values).max() <= 1e6
    require(valid, name, "finite, and between -1e6 and 1e6", values)
    return values
