"""Cells as a GPU runs them: few calls, because each costs the host more than a small kernel computes.

The arithmetic is that of `fitness.population.cell`; it differs in what is one call:

- what a wave's edges read is gathered at once, and so is its ReLU;
- 1x1 convolutions of a wave are one product, because depthwise convolutions write side by side into one tensor;
- states keep their own size within a cell: the logarithms of a cell are measured at its inputs only, and what the
  layers multiply a state by is estimated beforehand (`numbers.growth`), so that values stay within reach;
- sums over edges, forwards and backwards, are weighted sums of rows in a planned order (`bags`), made where they
  are read. Nothing is added atomically, so the same bits come out every time.

A CPU keeps its own cells: there a call costs little and a copy more, and its bits are those of stored scores.
"""
