"""Recipe links: what a form says goes into a link and comes out the same; what is tampered with becomes findings."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polaris_demo.page import links
from polaris_demo.story.request import FIELDS, FORM_NAMES, LIMITS, StoryRequest, read

NUMBERS = {
    name: st.integers(int(limit.low), int(limit.high)) if limit.whole else st.floats(limit.low, limit.high).map(lambda x: round(x, 3))
    for name, limit in LIMITS.items()
}


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries({"premise": st.text(max_size=80), "form": st.sampled_from(FORM_NAMES), **NUMBERS}), st.integers(50, 12_000))
def test_a_link_brings_back_every_setting(values: dict[str, object], default_words: int) -> None:
    values = {name: values[name] for name in FIELDS}
    query = links.query(values, default_words)
    back, findings = links.arrival(dict(parse_qsl(query, keep_blank_values=True)), default_words)
    assert back == values
    assert {f.field for f in findings} <= {"premise", "presence_penalty"}  # an empty premise, both penalties at work


def test_a_link_holds_only_what_differs_from_the_defaults() -> None:
    usual = links.defaults(2000)
    assert links.query(usual, 2000) == ""
    assert links.query(usual | {"premise": "a bell & a key", "seed": 7}, 2000) == "premise=a+bell+%26+a+key&seed=7"
    assert links.query(usual | {"presence_penalty": 1.5, "repetition_penalty": 1.0}, 2000) == "presence_penalty=1.5"


def test_a_requests_values_make_the_same_request_again() -> None:
    request, _ = read({"premise": "p", "words": 300, "presence_penalty": 1, "seed": 5})
    assert request and read(links.of_request(request))[0] == request


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [("words", "abc", 2000), ("words", "99999", 99_999), ("temperature", "nan", 0.6), ("top_k", "1e999", 20), ("form", "ode", "short story"),
     ("seed", "1.5", 1.5), ("min_p", "", 0)],
)  # fmt: skip
def test_a_tampered_value_is_a_finding_at_its_field(name: str, text: str, shown: object) -> None:
    values, findings = links.arrival({name: text, "utm_source": "x", "__theme": "dark"}, 2000)
    assert values[name] == shown
    assert [f.field for f in findings] == [name] and all(f.level == "error" for f in findings)


def test_a_default_request_needs_no_link() -> None:
    assert links.query(links.of_request(StoryRequest("")), 2000) == ""


@pytest.mark.parametrize(
    "headers, root_path, expected",
    [
        ({"host": "127.0.0.1:7860"}, "", "http://127.0.0.1:7860/"),
        ({"host": "[::1]:80"}, "", "http://[::1]:80/"),
        ({"host": "192.168.1.7:7860"}, "/polaris/", "http://192.168.1.7:7860/polaris/"),
        ({"host": "studio.local"}, "", "http://studio.local/"),
        ({"host": "a.org"}, "https://b.org/polaris", "https://b.org/polaris/"),
        ({"host": "evil.example"}, "", links.USUAL_ADDRESS),
        ({"host": "8.8.8.8"}, "", links.USUAL_ADDRESS),
        ({"host": "localhost.evil.example"}, "", links.USUAL_ADDRESS),
        ({"host": "evillocalhost"}, "", links.USUAL_ADDRESS),
        ({"host": "localhost", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https"}, "", "http://localhost/"),
        ({"host": 'a"; rm -rf'}, "", links.USUAL_ADDRESS),
        ({}, "", links.USUAL_ADDRESS),
    ],
)
def test_the_apps_own_address_is_the_one_it_was_reached_by(headers: dict[str, str], root_path: str, expected: str) -> None:
    assert links.address(headers, root_path) == expected


def test_what_a_proxy_says_is_believed_where_there_is_one() -> None:
    headers = {"host": "inner", "x-forwarded-host": "studio.local, b.org", "x-forwarded-proto": "https,http"}
    assert links.address(headers, proxies=1) == "https://studio.local/"
    assert links.address(headers) == links.USUAL_ADDRESS
