"""The search: the page that a reader wants comes first, in the dialog and on the search page."""

import re

import pytest
from playwright.sync_api import expect

from tests.site.test_playground import POLICY, fresh_page

PAGE = "search.html"
# What readers type, and the page that answers it.
WANTED = {
    "top-p": "sampling",
    "top p": "sampling",
    "nucleus sampling": "sampling",
    "temperature": "sampling",
    "softmax": "sampling",
    "min-p": "sampling",
    "log probabilities": "sampling",
    "KV cache": "attention",
    "attention": "attention",
    "causal mask": "attention",
    "multi-head attention": "attention",
    "rotary position": "attention",
    "BPE": "tokenization",
    "byte-pair encoding": "tokenization",
    "tokenizer emoji": "tokenization",
    "trailing space": "tokenization",
    "hallucination": "probabilistic-nature",
    "why do models make things up": "probabilistic-nature",
    "calibration": "probabilistic-nature",
    "RLHF": "preference-finetuning",
    "DPO": "preference-finetuning",
    "PPO": "preference-finetuning",
    "reward hacking": "preference-finetuning",
    "best-of-N": "preference-finetuning",
    "beta": "preference-finetuning",
    "fine-tuning": "supervised-finetuning",
    "chat template": "supervised-finetuning",
    "LoRA": "supervised-finetuning",
    "quantization": "model-size",
    "scaling laws": "model-size",
    "JSON schema": "structured-outputs",
    "constrained decoding": "structured-outputs",
    "perplexity": "language-models",
    "self-supervision": "language-models",
    "grade a class": "instructor-guide",
}
SEARCH = """async (queries) => {
  const rank = await import(new URL("_static/search/rank.js", location.href));
  const { default: MiniSearch } = await import(
    new URL("_static/vendor/minisearch/minisearch.js", location.href));
  const response = await fetch("_static/search/index.json");
  const index = rank.makeIndex(MiniSearch, await response.json());
  return queries.map((query) => rank.search(index, query).map(({ url, kind }) => [url, kind]));
}"""


@pytest.fixture(scope="module")
def results(browser, base_url):
    """The results of all queries: for each query, address and kind of every page found."""
    page = fresh_page(browser)
    page.goto(base_url + PAGE)
    found = dict(zip(WANTED, page.evaluate(SEARCH, list(WANTED))))
    page.context.close()
    return found


@pytest.mark.parametrize("query", WANTED)
def test_the_page_that_a_reader_wants_comes_first(results, query):
    urls = [url for url, _ in results[query]]
    assert urls[0] == f"book/{WANTED[query]}.html", urls[:4]


def test_chapters_come_before_exercises_and_functions(results):
    for query in ("softmax", "temperature", "BPE", "DPO", "attention"):
        kinds = [kind for _, kind in results[query]]
        assert kinds[0] == "chapter"
        assert "exercises" not in kinds[: kinds.index("chapter") + 1]


def test_a_name_of_the_package_finds_the_package(open_page):
    page = open_page(f"{PAGE}?q=keep_top_p")
    expect(page.locator("#search-results li a").first).to_have_attribute(
        "href", re.compile(r"book/api\.html#fmlab\.sampling.*keep_top_p")
    )


def test_nothing_is_loaded_before_one_types(open_page):
    page = open_page("book/index.html")
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert loaded
    assert not [url for url in loaded if re.search(r"minisearch|search/index|searchindex", url)]


def test_the_dialog_answers_while_one_types(open_page):
    page = open_page("book/sampling.html")
    page.keyboard.press("Control+k")
    field = page.locator("#pst-search-dialog input")
    field.press_sequentially("reward hack")
    result = page.locator("#pst-search-dialog .fml-results li a").first
    expect(result).to_have_text("Preference finetuning")
    result.click()
    page.wait_for_url("**/book/preference-finetuning.html*")


def test_a_term_shows_its_definition(open_page):
    page = open_page(f"{PAGE}?q=hallucination")
    definition = page.locator(".fml-definition")
    expect(definition).to_have_text(re.compile("^hallucination"))
    expect(definition.get_by_role("link")).to_have_attribute(
        "href", re.compile(r"glossary\.html#term-hallucination")
    )


def test_snippets_are_sentences_with_the_word(open_page):
    page = open_page(f"{PAGE}?q=nucleus")
    snippet = page.locator("#search-results li p").first
    expect(snippet.locator("mark").first).to_have_text(re.compile("nucleus", re.I))
    text = snippet.evaluate("(node) => node.textContent")
    assert not re.search(r"\\\w|Contents|Colab|Suggest edit", text)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_icon_does_not_lie_on_the_text(open_page, theme):
    page = open_page("book/index.html", theme=theme)
    page.keyboard.press("Control+k")
    form = page.locator("#pst-search-dialog form")
    expect(form.locator("input")).to_be_focused()
    room = form.evaluate(
        """(form) => {
          const [icon, input] = [form.querySelector("i, svg"), form.querySelector("input")];
          const inset = parseFloat(getComputedStyle(input).paddingLeft);
          const start = input.getBoundingClientRect().left + inset;
          return start - icon.getBoundingClientRect().right;
        }"""
    )
    assert room >= 2


def test_nothing_found_says_so(open_page):
    page = open_page(f"{PAGE}?q=qqxzv")
    expect(page.locator("#search-results")).to_contain_text("Nothing in the book matches")


def test_a_strict_content_security_policy_is_enough(browser, base_url):
    page = fresh_page(browser)

    def with_policy(route):
        response = route.fetch()
        policy = POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
        headers = response.headers | {"content-security-policy": f"default-src 'self'; {policy}"}
        route.fulfill(response=response, headers=headers)

    page.route(f"**/{PAGE}*", with_policy)
    page.goto(f"{base_url}{PAGE}?q=top-p")
    expect(page.locator("#search-results li a").first).to_have_text("Sampling")
    page.context.close()


def test_without_scripts_the_page_leads_to_the_glossary(open_page):
    page = open_page(PAGE, scripts=False)
    expect(
        page.locator("noscript a[href*=glossary], article a[href*=glossary]").first
    ).to_be_visible()
