"""Properties of all widgets: one script, one style sheet, no access to anything outside."""

import re
import subprocess
import sys

import pytest

from fmlab.widgets import (
    AttentionExplorer,
    DuplicateExplorer,
    KLExplorer,
    MaskExplorer,
    MetricsExplorer,
    MixtureExplorer,
    Playground,
    PriceCalculator,
    SamplingExplorer,
    ScalingCalculator,
    ThresholdExplorer,
    TokenizerExplorer,
    VotesExplorer,
)

WIDGETS = {
    AttentionExplorer: ".fml-attention",
    DuplicateExplorer: ".fml-dup-cells",
    KLExplorer: ".fml-kl-bars",
    MaskExplorer: ".fml-mask-table",
    MetricsExplorer: ".fml-t-both",
    MixtureExplorer: ".fml-mix-plot",
    Playground: ".fml-panes",
    PriceCalculator: ".fml-price-rows",
    SamplingExplorer: ".fml-steps",
    ScalingCalculator: ".fml-scaling-tiles",
    ThresholdExplorer: ".fml-t-both",
    TokenizerExplorer: ".fml-chips",
    VotesExplorer: ".fml-votes-tally",
}


@pytest.mark.parametrize("widget", WIDGETS)
def test_the_script_imports_nothing_and_requests_nothing(widget):
    code = re.sub("//.*", "", widget._esm)
    for word in ("import", "fetch(", "XMLHttpRequest", "innerHTML", "eval("):
        assert word not in code


@pytest.mark.parametrize(("widget", "style"), WIDGETS.items())
def test_the_shared_script_and_style_come_before_those_of_the_widget(widget, style):
    assert 0 <= widget._esm.index("function h(") < widget._esm.index("function render(")
    assert 0 <= widget._css.index(".fml {") < widget._css.index(style)


def test_importing_the_package_loads_no_widget():
    code = "import sys, fmlab.widgets; assert 'anywidget' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_widget_is_an_import_error():
    with pytest.raises(ImportError, match="NoSuchExplorer"):
        from fmlab.widgets import NoSuchExplorer  # noqa: F401
