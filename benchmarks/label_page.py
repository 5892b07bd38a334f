"""From the key to the next face on screen, in a real Chromium at a person's pace.

Each press is timed inside the page, from the key event's own time stamp to the start of the second
frame after it: by then the first one, which shows the next face, has certainly been painted. That
is an upper bound; the browser's own Event Timing (to the paint itself, in steps of 8 ms) is printed
beside it. gunicorn runs as `make demo` starts it; faces are 178x218 JPEGs.
"""

import argparse
import random
import shutil
import statistics
from pathlib import Path
from typing import Any

from benchmarks._database import throw_away_database
from benchmarks._reporting import absent, report, rounded, say
from benchmarks._web import served, session_of

HOST = "127.0.0.1"
PACE_SECONDS = 0.4
KEYS = ["ArrowLeft", "ArrowDown", "ArrowRight"]

# Runs in the page before its own scripts: their listeners come after ours.
WATCH = """
window.watched = {presses: [], events: [], shift: 0, shiftByInput: 0};
addEventListener("keydown", (event) => {
  const before = document.querySelector("[data-frame] img");
  const began = event.timeStamp;
  requestAnimationFrame(() => {
    const after = document.querySelector("[data-frame] img");
    const isNext = after !== null && after !== before && after.complete && after.naturalWidth > 0;
    requestAnimationFrame(() => {
      window.watched.presses.push(isNext ? performance.now() - began : null);
    });
  });
}, true);
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.name === "keydown") window.watched.events.push(entry.duration);
  }
}).observe({type: "event", durationThreshold: 16, buffered: true});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    window.watched[entry.hadRecentInput ? "shiftByInput" : "shift"] += entry.value;
  }
}).observe({type: "layout-shift", buffered: true});
"""
ON_ARRIVAL = """() => {
  const files = performance.getEntriesByType("resource");
  const scripts = files.filter(({name}) => new URL(name).pathname.endsWith(".js"));
  const painted = performance.getEntriesByName("first-contentful-paint")[0];
  return {
    paint: painted ? painted.startTime : null,
    face: performance.now(),
    kb: scripts.reduce((sum, one) => sum + one.encodedBodySize, 0) / 1024,
    n: scripts.length,
  };
}"""


def measure(n_presses: int) -> dict[str, Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("playwright (requirements-dev.txt)")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        absent("a Chromium on the PATH")
    with throw_away_database() as var:
        say(f"{n_presses + 60} faces")
        cookie = prepare(var, n_presses + 60)
        with served(var, with_pages=True) as web, sync_playwright() as playwright:
            url = f"http://{HOST}:{web.port}"
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            context.add_cookies([{**cookie, "url": url}])
            context.add_init_script(WATCH)
            page = context.new_page()
            # Once for the server's own first time, then as a person comes back: nothing cached.
            for _ in range(2):
                page.goto(f"{url}/label/light")
                page.wait_for_selector('[data-stage][data-shows="face"]')
                arrival = page.evaluate(ON_ARRIVAL)
                context.new_cdp_session(page).send("Network.clearBrowserCache")
            say(f"{n_presses} presses, {PACE_SECONDS} s apart")
            press(page, n_presses)
            watched = page.evaluate("window.watched")
            browser.close()
    return figures(arrival, watched)


def prepare(var: Path, n_faces: int) -> dict[str, str]:
    """Faces, a campaign and an annotator who has read the guide; returns the session's cookie."""
    import numpy as np
    from django.conf import settings
    from PIL import Image

    from labeling import queue, rubrics
    from labeling.models import Dataset, Face, User

    random_numbers = np.random.default_rng(1)
    folder = var / "faces"
    folder.mkdir()
    dataset = Dataset.objects.create(name="faces", image_folder=str(folder), n_faces=n_faces)
    for number in range(n_faces):
        # Blotches of several sizes: as hard to decode as a photograph, and as large.
        coarse = random_numbers.integers(0, 256, (14, 11, 3), dtype=np.uint8)
        fine = random_numbers.integers(0, 256, (109, 89, 3), dtype=np.uint8)
        both = [Image.fromarray(one).resize((178, 218), Image.BICUBIC) for one in (coarse, fine)]
        Image.blend(*both, 0.15).save(folder / f"{number:06d}.jpg", quality=90)
    Face.objects.bulk_create(
        Face(dataset=dataset, filename=f"{number:06d}.jpg", width=178, height=218)
        for number in range(n_faces)
    )
    campaign = queue.create_campaign(dataset, "light", title="Where is the light?")
    ada = User.objects.create_user("ada", is_annotator=True)
    rubrics.confirm(campaign, ada)
    return {"name": settings.SESSION_COOKIE_NAME, "value": session_of(ada)}


def press(page: Any, n_presses: int) -> None:
    """Answer at a person's pace, which is never quite even."""
    pace = random.Random(1)
    for _ in range(n_presses):
        page.wait_for_timeout(1000 * PACE_SECONDS * pace.uniform(0.6, 1.4))
        page.keyboard.press(pace.choice(KEYS))
    page.wait_for_timeout(1000)


def figures(arrival: dict[str, float], watched: dict[str, Any]) -> dict[str, Any]:
    timed = [milliseconds for milliseconds in watched["presses"] if milliseconds is not None]
    events = watched["events"]
    return {
        "presses": len(watched["presses"]),
        "late": len(watched["presses"]) - len(timed),
        "key_to_next_p50_ms": rounded(percentile(timed, 50)),
        "key_to_next_p95_ms": rounded(percentile(timed, 95)),
        "key_to_next_worst_ms": rounded(max(timed)),
        # Faster ones than 16 ms are not reported by the browser, so these are the slower part.
        "event_timing_p95_ms": rounded(percentile(events, 95)) if len(events) > 1 else None,
        "event_timing_over_16_ms": len(events),
        "first_paint_ms": rounded(arrival["paint"]),
        "first_face_ms": rounded(arrival["face"]),
        "script_kb": rounded(arrival["kb"]),
        "scripts": arrival["n"],
        "layout_shift": rounded(watched["shift"]),
        "layout_shift_by_input": rounded(watched["shiftByInput"]),
    }


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=200)
    given = parser.parse_args()
    report("label_page", lambda: measure(given.presses))
