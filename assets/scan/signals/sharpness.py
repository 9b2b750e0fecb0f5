"""How much fine detail a picture has."""

from __future__ import annotations

import cv2

from ..pictures import Pictures


class Sharpness:
    """sharpness: mean square of the 4-neighbour Laplacian of luma at 320 px, full-range levels^2, 0 up.

    Higher is sharper. The Laplacian's mean is all but 0, so this is its variance. Source: Pertuz et al. 2013, LAPV.
    Known weakness: noise and text count as detail; blur finer than 1/320 of the picture is not seen; enlarged files
    look soft.
    """

    def __call__(self, pictures: Pictures) -> dict[str, float]:
        energy = cv2.norm(cv2.Laplacian(pictures.luma, cv2.CV_16S), cv2.NORM_L2SQR)
        return {"sharpness": energy / pictures.luma.size * pictures.gain**2}
