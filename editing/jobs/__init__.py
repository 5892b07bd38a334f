"""Ask for long work on generators, latents, directions and edits: check the request, write its row.

Nothing here looks at pixels or weights; what only the worker can see is refused by the worker.
"""

from editing.faces import DEFAULT_BINS
from editing.jobs.checks import find, ready
from editing.jobs.directions import check_bins, fit_direction
from editing.jobs.embeddings import DEFAULT_REFINEMENTS, DEFAULT_STEPS, embed
from editing.jobs.explorer import draw_figures, draw_mean_faces
from editing.jobs.generators import add_generator, check_name
from editing.jobs.turns import MOST_DEGREES, MOST_FRAMES, PATHS, can_walk, turn

__all__ = [
    "DEFAULT_BINS",
    "DEFAULT_REFINEMENTS",
    "DEFAULT_STEPS",
    "MOST_DEGREES",
    "MOST_FRAMES",
    "PATHS",
    "add_generator",
    "can_walk",
    "check_bins",
    "check_name",
    "draw_figures",
    "draw_mean_faces",
    "embed",
    "find",
    "fit_direction",
    "ready",
    "turn",
]
