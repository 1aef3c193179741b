"""Sound bounds of a network's logits over a box of images: intervals, and linear bounds (CROWN-IBP).

Both are arithmetics of `spaces.arithmetic`, so that they hold for every network that a space builds from layers
with a rule in `fitness.bounds.layers`. They are computed in float64: the bounds of a deep network grow beyond the
range of float32, and a layer's rounding, 1e-16 of its values, is added to the radius of its interval, which in
float32 would be larger than the images' own intervals after a few cells.
"""

from fitness.bounds.certify import TrainingBounds, logit_bounds, lower_margins, training_bounds
from fitness.bounds.interval import Interval, box, normalised
from fitness.bounds.jacobian import cell_norms
from fitness.bounds.layers import register

__all__ = [
    "Interval",
    "TrainingBounds",
    "box",
    "cell_norms",
    "logit_bounds",
    "lower_margins",
    "normalised",
    "register",
    "training_bounds",
]
