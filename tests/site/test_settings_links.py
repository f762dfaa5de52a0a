"""Links that set an explorer: in an address, in the text, and copied; and how it is found."""

import re

import pytest
from playwright.sync_api import expect

from tests.site.conftest import SITE

SAMPLING = "book/sampling.html"
HREF = re.compile(r'<a class="fm-set[^"]*" href="\?([^"#]*)#([^"]+)"')
# Pages and an explorer of each, with settings that an address may ask for and what it then says.
EXPLORERS = [
    ("sampling", "sampling-explorer", "temperature=0.2&top_k=5&prompt=2"),
    ("attention", "attention-explorer", "text=1&layer=1&head=3&position=4&scaled=off"),
    ("tokenization", "tokenizer-explorer", "text=hello+there&n_merges=300"),
    ("preference-finetuning", "kl-explorer", "beta=2.5&n=16"),
    ("preference-finetuning", "kl-explorer-2", "beta=0.05&goal=true_reward"),
    ("foundation-models", "image-text-explorer", "number=three&color=yellow&shape=ring"),
    ("structured-outputs", "mask-explorer", "format=1&mask=off&response=382"),
    ("probabilistic-nature", "threshold-explorer", "record=3&penalty=2.5&threshold=0.8"),
    ("self-check", "metrics-explorer", "record=1&threshold=0.8"),
    ("ai-stack", "duplicate-explorer", "first=Bo+sings+well&bands=32&rows=2&threshold=0.5"),
    ("training-data", "mixture-explorer", "pair=1&share=0.4&n=2&seed=7"),
    ("model-size", "scaling-calculator", "n_accelerators=64&context=1024"),
    ("planning", "planning-calculator", "model=flywheel&quality=0.55"),
    ("test-time-compute", "votes-explorer", "question=3&n=64&seed=2&scope=all"),
    ("supervised-finetuning", "response-explorer", "prompt=3"),
    ("playground", "response-explorer", "prompt=2"),
    ("playground", "playground", "temperature=0.3&seed=7&prompt=The+sun"),
]
GRANTED = {"permissions": ["clipboard-read", "clipboard-write"]}


def share(page, name):
    """Return the line under an explorer that copies its link."""
    return page.locator(f"#{name} .fm-share, #{name} + .fm-share").first


def copied(page, name):
    """Press the button, and return what is then in the clipboard."""
    share(page, name).get_by_role("status").evaluate("(note) => note.replaceChildren()")
    share(page, name).get_by_role("button").click()
    expect(share(page, name)).to_contain_text("Copied")
    return page.evaluate("navigator.clipboard.readText()")


@pytest.mark.parametrize(("page_name", "name", "settings"), EXPLORERS)
def test_a_link_sets_an_explorer_and_the_copied_one_is_the_same(
    open_page, page_name, name, settings
):
    path = f"book/{page_name}.html"
    page = open_page(f"{path}?{settings}#{name}", **GRANTED)
    link = copied(page, name)
    assert link.endswith(f"#{name}")
    query = link.partition("?")[2].partition("#")[0]
    assert set(settings.split("&")) <= set(query.split("&"))
    again = open_page(f"{path}?{query}#{name}", **GRANTED)
    assert copied(again, name).partition("?")[2] == link.partition("?")[2]


def test_what_nobody_has_changed_is_not_in_the_link(open_page):
    page = open_page(SAMPLING, **GRANTED)
    assert copied(page, "sampling-explorer").endswith("sampling.html#sampling-explorer")
    page.get_by_role("spinbutton", name="Top-p, as a number").fill("0.9")
    page.keyboard.press("Enter")
    assert copied(page, "sampling-explorer").endswith("?top_p=0.9#sampling-explorer")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("temperature=9", "temperature=9 was ignored: temperature must be a number from 0 to 2."),
        ("temperature=", "temperature= was ignored"),
        ("seed=1.5", "seed must be a whole number from 0 to 4294967295."),
        ("source=gpt4", "source must be one of smollm2, micro."),
        ("color=red", "color=red was ignored: color is no setting of it."),
        ("response=1.x", "response must be whole numbers below 2048"),
        ("text=" + "x" * 2001, "text must be a text of at most 2000 characters."),
    ],
)
def test_what_a_link_may_not_set_is_ignored_and_said(open_page, query, message):
    page = open_page(f"{SAMPLING}?{query}&top_k=7#sampling-explorer")
    expect(share(page, "sampling-explorer")).to_contain_text(message)
    expect(page.get_by_role("spinbutton", name="Top-k, as a number")).to_have_value("7")
    expect(page.get_by_role("spinbutton", name="Temperature, as a number")).to_have_value("1")


def test_a_link_to_one_explorer_of_a_page_leaves_the_other(open_page):
    page = open_page("book/preference-finetuning.html?beta=3#kl-explorer-2")
    sliders = page.get_by_role("slider", name="β, the cost of KL")
    expect(sliders.nth(1)).to_have_attribute("aria-valuetext", "3")
    expect(sliders.nth(0)).to_have_attribute("aria-valuetext", "0.5")


def test_a_link_can_hold_a_text_and_what_was_appended_to_it(open_page):
    query = "source=micro&temperature=0.5&text=The+capital+of&response=11.300"
    page = open_page(f"{SAMPLING}?{query}#sampling-explorer", **GRANTED)
    expect(page.get_by_label("Your text")).to_have_value("The capital of")
    expect(page.locator(".fml-own strong .fml-token")).to_have_count(2)
    assert "response=11.300" in copied(page, "sampling-explorer")


def test_a_link_in_the_text_sets_the_explorer_and_brings_it_into_view(open_page):
    page = open_page(SAMPLING)
    temperature = page.get_by_role("spinbutton", name="Temperature, as a number")
    expect(temperature).to_have_value("1")
    link = page.get_by_role("link", name="Set the temperature to 2", exact=True)
    link.focus()
    page.keyboard.press("Enter")
    expect(temperature).to_have_value("2")
    expect(temperature).to_be_in_viewport()
    assert page.url.endswith("?temperature=2#sampling-explorer")


def test_every_link_in_the_text_sets_something_that_there_is(open_page):
    links = [
        (path.relative_to(SITE).as_posix(), query.replace("&amp;", "&"), name)
        for path in sorted((SITE / "book").glob("*.html"))
        for query, name in HREF.findall(path.read_text(encoding="utf-8"))
    ]
    assert len(links) >= 12
    for path in {path for path, _, _ in links}:
        page = open_page(path)
        for _, query, name in (link for link in links if link[0] == path):
            if "source=" in query or "vocabulary=" in query:
                continue  # loads something; tested where that is
            expect(share(page, name)).to_be_attached()  # until then, the link leads to a new page
            page.locator(f'a[href="?{query}#{name}"]').first.click()
            expect(share(page, name)).not_to_contain_text("ignored")
            expect(page.locator(f"#{name}").first).to_be_in_viewport()


def test_without_scripts_a_link_in_the_text_leads_to_the_explorer(open_page):
    page = open_page(SAMPLING, scripts=False)
    page.get_by_role("link", name="Set the temperature to 2", exact=True).click()
    expect(page.locator("#sampling-explorer")).to_be_in_viewport()


@pytest.mark.parametrize("page_name", sorted({name for name, *_ in EXPLORERS} - {"playground"}))
def test_an_explorer_is_in_the_contents_and_at_the_top_of_its_page(open_page, page_name):
    page = open_page(f"book/{page_name}.html")
    names = [name for other, name, _ in EXPLORERS if other == page_name]
    for name in names:
        expect(page.locator(f'.page-toc a[href="#{name}"]')).to_be_visible()
        expect(page.locator(f'.fm-try a[href="#{name}"]')).to_be_in_viewport()
    page.locator(f'.fm-try a[href="#{names[0]}"]').click()
    expect(page.locator(f"#{names[0]} > :is(h2, h3, h4)")).to_be_in_viewport()


def test_copying_by_hand_where_the_clipboard_may_not_be_written(open_page):
    page = open_page(SAMPLING)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    share(page, "sampling-explorer").get_by_role("button").click()
    field = page.get_by_label("Link to these settings")
    expect(field).to_have_value(re.compile(r"sampling\.html#sampling-explorer$"))
    expect(field).to_be_focused()
