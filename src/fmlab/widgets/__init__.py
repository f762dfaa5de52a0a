"""Interactive figures for the notebook and the static page.

A widget is an `anywidget` whose JavaScript does the arithmetic of the figure, so it works without a
kernel. In Python its settings are traits, which can be observed and linked, and its results are
computed independently.

>>> from fmlab.widgets import TokenizerExplorer
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attention": ["AttentionExplorer"],
        "chat": ["ChatPanel"],
        "duplicates": ["DuplicateExplorer"],
        "feedback_chat": ["FeedbackChat"],
        "image_text": ["ImageTextExplorer"],
        "kl": ["KLExplorer"],
        "losses": ["LossExplorer", "TokenLosses"],
        "masks": ["MaskExplorer"],
        "metrics": ["MetricsExplorer"],
        "mixture": ["MixedTexts", "MixtureExplorer"],
        "planning": ["PlanningCalculator", "PlanningSheet"],
        "playground": ["Playground"],
        "prices": ["PriceCalculator"],
        "responses": ["ResponseExplorer"],
        "sampling": ["SamplingExplorer"],
        "scaling": ["ScalingCalculator"],
        "threshold": ["ThresholdExplorer"],
        "tokenizer": ["TokenizerExplorer"],
        "votes": ["VotesExplorer"],
        "whole_model": ["WholeModel"],
    },
)
