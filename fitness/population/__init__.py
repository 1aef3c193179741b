"""Batched scoring of DARTS networks: the live edges of all networks, grouped by operation.

The passes of croze, of the first-order sums (grad-norm, snip, plain, fisher), naswot and synflow are here.

A pass runs over all networks at once, so that a GPU gets a few large kernels instead of thousands of small ones.
Edges are grouped by cell, wave (nodes of equal depth), stride and operation; depthwise convolutions of a group are
one grouped convolution, 1x1 convolutions one batched product. The backward is written out, each network's from its
own loss, so gradients stay apart. Where networks concatenate different numbers of states, the narrower ones are
padded by zeros, which add nothing. A CPU runs the operations of a wave apart, a GPU as much as it can at once
(`fitness.population.apart`, `fitness.population.joint`).

The sums are those of one network after the other in another order, so a score differs by rounding (below 1e-10
relative in float64, 1e-5 in float32): whether populations are used is part of what a score depends on. Gradients
through BatchNorm jump where rounding moves the input of a ReLU across zero, so in float32 grad-norm, snip and
fisher differ by up to some 1e-4 at C=16, L=8, which is also how far the loop is from float64. How many
networks are in a pass is not: on a CPU, where networks of different widths run apart, every network goes
through its own products and sums, and its bits are the same in any company (if rows are aligned: C a multiple of
4, or of 8 with two stems); on a GPU the libraries may choose other kernels for other sizes (bounded by 1e-6).
"""
