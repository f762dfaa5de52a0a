"""What the server counts, in the format of Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)


class Metrics:
    """Counters and histograms of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        given = dict(namespace="fmlab", registry=self.registry)
        self.requests = Counter("requests", "Requests", ["model", "status"], **given)
        self.prompt_tokens = Counter("prompt_tokens", "Tokens read", ["model"], **given)
        self.new_tokens = Counter("new_tokens", "Tokens generated", ["model"], **given)
        self.disconnects = Counter("disconnects", "Clients that left early", ["model"], **given)
        self.first_token = Histogram(
            "time_to_first_token_seconds",
            "From the request to its first token",
            ["model"],
            buckets=SECONDS,
            **given,
        )
        self.per_token = Histogram(
            "time_per_token_seconds",
            "Between two tokens of a choice, mean of a request",
            ["model"],
            buckets=TOKEN_SECONDS,
            **given,
        )
        self.latency = Histogram(
            "request_seconds", "Whole requests", ["model"], buckets=SECONDS, **given
        )
        self.running = Gauge("rows_running", "Rows in the batch", ["model"], **given)
        self.waiting = Gauge("prompts_waiting", "Prompts in the queue", ["model"], **given)

    def text(self) -> bytes:
        """Return all of it, as ``GET /metrics`` does."""
        return generate_latest(self.registry)
