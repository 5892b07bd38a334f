"""The worker's side of editing: rows -> arrays -> engine -> images -> rows.

Each of these takes a claimed row and a progress to report to, as labeling.worker.run gives them;
each may be killed at any point and called again.
"""

from editing.runs.checking import check_generator
from editing.runs.decomposing import decompose
from editing.runs.embedding import embed
from editing.runs.embedding import join as join_embedding
from editing.runs.figures import draw_figures
from editing.runs.fitting import fit_direction
from editing.runs.local_editing import edit_locally
from editing.runs.mean_faces import draw_mean_faces
from editing.runs.rendering import render_edit

__all__ = [
    "check_generator",
    "decompose",
    "draw_figures",
    "draw_mean_faces",
    "edit_locally",
    "embed",
    "fit_direction",
    "join_embedding",
    "render_edit",
]
