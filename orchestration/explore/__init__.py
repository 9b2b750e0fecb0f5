"""`clipsieve explore`: a page on which bounds are moved, and the clips at their edges are looked at."""
