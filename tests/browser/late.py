"""Answers that come when a test lets them."""

import re

from playwright.sync_api import Page, Route

from ..doubles import until


def hold(page: Page, path: str | re.Pattern[str], most: int = 99) -> list[Route]:
    """What is asked for there from now on; whatever comes after that many passes."""
    held: list[Route] = []
    page.route(path, lambda route: held.append(route) if len(held) < most else route.continue_())
    return held


def answered(page: Page, held: list[Route], **answer: object) -> None:
    """Until the page has heard what was held: the app's own answer, or this one."""
    asked_for(page, held)
    for route in held:
        with page.expect_response(route.request.url) as response:
            if answer:
                route.fulfill(**answer)
            else:
                route.continue_()
        response.value.finished()
    page.evaluate("fetch('stories/status').then(answer => answer.text())")


def asked_for(page: Page, held: list) -> None:
    until(lambda: page.evaluate("true") and bool(held), what="asked for")  # a route is told of while Playwright is at work
