"""The network around the cells of DARTS and of the spaces derived from it.

A stem, L cells of which those at L//3 and 2L//3 halve the image and double the channels, global pooling and a
linear classifier. A cell preprocesses the outputs of the two before it; its nodes add operations on earlier
states.

Source: Liu, Simonyan, Yang, "DARTS: Differentiable Architecture Search", ICLR 2019.
"""
