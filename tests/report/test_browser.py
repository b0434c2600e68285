"""The page as a browser draws it, with the network cut off."""

import io

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser

ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
LOCAL = ("file:", "data:", "blob:", "about:")


class Watched:
    """An open page, what it asked for and what it complained about."""

    def __init__(self, browser, path, **context):
        self.context = browser.new_context(viewport={"width": 1240, "height": 900}, **context)
        self.context.set_offline(True)
        self.page = self.context.new_page()
        self.asked, self.complaints = [], []
        self.page.on("request", lambda r: self.asked.append(r.url))
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.goto(path.as_uri())

    def _hear(self, message):
        if message.type in ("error", "warning") and "GPU stall" not in message.text:
            self.complaints.append(message.text)

    def scene(self):
        frame = self.page.wait_for_selector("#turning").content_frame()
        frame.wait_for_selector("html[data-ready=yes]", timeout=60_000)
        return frame


def pixels(shot):
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def drawn_fraction(image):
    """Fraction of pixels that differ from the corner, which is background."""
    return float((np.abs(image - image[2, 2]).sum(axis=-1) > 40).mean())


@pytest.fixture(scope="module")
def browser(chromium_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def watched(browser, report):
    seen = Watched(browser, report)
    seen.scene().uncheck("#turn")
    yield seen
    seen.context.close()


def still(frame):
    """Stop the turning and return the picture once it no longer changes."""
    frame.uncheck("#turn")
    frame.page.wait_for_timeout(400)
    return settled(frame)


def settled(frame):
    before = pixels(frame.locator("#canvasTarget").screenshot())
    for _ in range(40):
        frame.page.wait_for_timeout(250)
        now = pixels(frame.locator("#canvasTarget").screenshot())
        if np.array_equal(before, now):
            return now
        before = now
    raise AssertionError("the picture never came to rest")


def test_every_figure_is_drawn_with_a_size_and_an_alternative_text(watched, results):
    for img in watched.page.locator(".plate img").all():
        img.scroll_into_view_if_needed()
        assert img.evaluate("i => i.complete && i.naturalWidth > 100")
        box = img.bounding_box()
        assert box["width"] > 300
        assert box["height"] > 150
        assert 0.01 < drawn_fraction(pixels(img.screenshot())) < 0.6
        assert len(img.get_attribute("alt")) > 40
    assert watched.page.locator("figure").count() == 8
    assert watched.page.locator(".plate img").count() == 7


def test_every_row_of_the_table_is_there(watched, results):
    rows = watched.page.locator("#numbers tbody tr")
    assert rows.count() == len(results.table)
    for k, row in enumerate(results.table):
        words = rows.nth(k).inner_text()
        assert row.quantity in words
        assert row.source in words
        assert (row.published or "\u2013") in words
    assert "0.784" in rows.nth(0).inner_text()
    assert "1\u00a0043" in rows.nth(0).inner_text()
    assert "not measured" in rows.nth(5).inner_text()


def test_links_lead_to_files_that_exist(watched, report):
    links = watched.page.locator(".files a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert len(links) == 8 * 4
    assert all((report.parent / link).is_file() for link in links)


def test_the_scene_turns_and_the_time_slider_changes_it(watched):
    frame = watched.scene()
    watched.page.locator("#turning").scroll_into_view_if_needed()
    eye = "window.vitrifyScene.getWorld().camera.position.toArray().join()"
    frame.check("#turn")
    before = frame.evaluate(eye)
    frame.wait_for_function(f"{eye} !== '{before}'")
    first = still(frame)
    assert 0.1 < drawn_fraction(first) < 0.9
    assert frame.locator("#canvasTarget canvas").count() >= 1
    red = (first[..., 0] > first[..., 2] + 60).sum()
    blue = (first[..., 2] > first[..., 0] + 60).sum()
    assert red > 500
    assert blue > 500
    assert "0 \u03c4" in frame.locator("#clock").inner_text()
    frame.locator("#time").evaluate("s => { s.value = 5; s.dispatchEvent(new Event('input')); }")
    frame.wait_for_function("window.vitrifyScene.parameters.time === 5")
    later = settled(frame)
    assert frame.locator("#clock").inner_text() == "125 \u03c4"
    assert (np.abs(later - first).sum(axis=-1) > 40).mean() > 0.02
    frame.locator("#cut").evaluate("s => { s.value = 60; s.dispatchEvent(new Event('input')); }")
    assert drawn_fraction(settled(frame)) < drawn_fraction(later) - 0.02


def test_play_runs_through_the_frames(watched):
    frame = watched.scene()
    start = frame.evaluate("document.getElementById('time').value")
    frame.click("#play")
    frame.wait_for_function(f"document.getElementById('time').value !== '{start}'")
    frame.click("#play")
    assert frame.locator("#play").inner_text() == "Play"


def test_paper_gets_the_still_picture(watched):
    watched.page.emulate_media(media="print")
    assert watched.page.locator(".stage img").is_visible()
    assert not watched.page.locator("#turning").is_visible()
    watched.page.emulate_media(media="screen")


def test_nothing_is_asked_from_the_network_and_nobody_complains(watched):
    assert watched.asked
    assert all(url.startswith(LOCAL) for url in watched.asked)
    assert watched.complaints == []


def test_without_webgl_or_scripts_the_still_picture_is_shown(browser, report, tmp_path):
    for context in ({"java_script_enabled": False}, {}):
        seen = Watched(browser, report, **context) if context else without_webgl(browser, report)
        img = seen.page.locator(".stage img")
        assert img.is_visible()
        assert not seen.page.locator("#turning").is_visible()
        assert drawn_fraction(pixels(img.screenshot())) > 0.2
        assert seen.page.locator(".no-webgl").is_visible()
        assert all(url.startswith(LOCAL) for url in seen.asked)
        assert seen.complaints == []
        seen.context.close()


def without_webgl(browser, report):
    seen = Watched(browser, report)
    seen.context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null;")
    seen.page.goto(report.as_uri())
    return seen


def test_the_page_fits_a_phone_and_a_dark_room(browser, report):
    seen = Watched(browser, report, color_scheme="dark")
    seen.page.set_viewport_size({"width": 390, "height": 800})
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    background = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(22, 24, 28)"
    seen.context.close()
