"""The data of every figure, computed once for the page and for matplotlib."""
