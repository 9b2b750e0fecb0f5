"""Saturation and the terms of colourfulness."""

from __future__ import annotations

import cv2

from ..pictures import Pictures


class Colour:
    """saturation (mean HSV S, 0-255) and the means and standard deviations of R - G and (R + G) / 2 - B.

    Measured on the small BGR picture (BT.601 matrix whatever the file's). Colourfulness is
    sqrt(rg_std^2 + yb_std^2) + 0.3 sqrt(rg_mean^2 + yb_mean^2). Source: Hasler and Suesstrunk 2003. Known weakness:
    near black, saturation is noise.
    """

    def __call__(self, pictures: Pictures) -> dict[str, float]:
        blue, green, red = cv2.split(pictures.bgr)
        rg_mean, rg_std = cv2.meanStdDev(cv2.subtract(red, green, dtype=cv2.CV_16S))
        half_sum = cv2.addWeighted(red, 0.5, green, 0.5, 0, dtype=cv2.CV_32F)
        yb_mean, yb_std = cv2.meanStdDev(cv2.subtract(half_sum, blue, dtype=cv2.CV_32F))
        return {
            "saturation": cv2.mean(pictures.hsv)[1],
            "rg_mean": float(rg_mean[0, 0]),
            "rg_std": float(rg_std[0, 0]),
            "yb_mean": float(yb_mean[0, 0]),
            "yb_std": float(yb_std[0, 0]),
        }
