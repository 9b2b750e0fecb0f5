"""What a quick decode leaves out: frames that no other frame refers to. The others come out bit for bit.

About half of the frames of H.264, HEVC, AV1, MPEG-2 and MPEG-4 files with B-frames; none of VP8 and VP9 and of files
without B-frames. Loaded only by workers that read media (it imports av).
"""

from __future__ import annotations

import av


class LeavingOut:
    """Called with every packet before its decode. Nothing is left out from the first packet on that does not say when
    its frame is shown (raw streams): such frames are timed by counting them.

    promised: packets so far that hold a frame to be shown.
    """

    def __init__(self) -> None:
        self.promised = 0
        self._timed = True

    def __call__(self, packet: av.Packet, context: av.VideoCodecContext) -> None:
        if packet.is_discard:
            return
        self.promised += packet.size > 0
        self._timed &= packet.pts is not None
        wanted = "NONREF" if self._timed else "DEFAULT"
        if context.skip_frame != wanted:
            context.skip_frame = wanted
