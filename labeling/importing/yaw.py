"""Head yaw from CelebA's five landmarks, by weak-perspective least squares."""

import numpy as np

# Millimetres on an average head, in CelebA's order: left of the image, right of the image, nose,
# mouth corners. x to the viewer's right, y down, z to the camera.
HEAD = np.array(
    [
        [-31.5, 0.0, 0.0],
        [31.5, 0.0, 0.0],
        [0.0, 38.0, 35.0],
        [-25.0, 68.0, 12.0],
        [25.0, 68.0, 12.0],
    ]
)


def yaw_from_landmarks(landmarks: np.ndarray) -> np.ndarray:
    """How far a head is turned; > 0 means that the nose points to the viewer's right.

    landmarks  (n, 5, 2) pixels, x to the right and y down, in the order of HEAD
    returns    (n,) degrees in -90..90; nan where the points lie on one line
    raises     ValueError for another shape

    The sign follows from HEAD: a nose right of the eyes' middle is a turn to the right. The zero
    needs no constant: HEAD is its own mirror image, so a face and its mirror image read opposite
    and a symmetric face reads 0 exactly.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.ndim != 3 or points.shape[1:] != (5, 2):
        raise ValueError(f"landmarks have shape {points.shape}, expected (n, 5, 2)")
    centered = points - points.mean(axis=1, keepdims=True)
    # The best 2 x 3 affine camera, then the nearest one with orthonormal rows: (A A^T)^(-1/2) A.
    affine = np.einsum("npi,jp->nij", centered, np.linalg.pinv(HEAD - HEAD.mean(axis=0)))
    gram = affine @ affine.transpose(0, 2, 1)  # (n, 2, 2)
    root_det = np.sqrt(np.maximum(np.linalg.det(gram), 0.0))
    trace = np.trace(gram, axis1=1, axis2=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        adjugate = trace[:, None, None] * np.eye(2) - gram
        inverse_root = adjugate + root_det[:, None, None] * np.eye(2)
        inverse_root /= (root_det * np.sqrt(trace + 2 * root_det))[:, None, None]
        rows = inverse_root @ affine  # (n, 2, 3)
    third = np.cross(rows[:, 0], rows[:, 1])
    # Of roll @ turn @ nod the third row starts with -sin(yaw), whatever roll and nod are.
    yaw = np.degrees(np.arcsin(np.clip(-third[:, 0], -1.0, 1.0)))
    yaw[root_det <= 1e-9 * trace] = np.nan
    return yaw
