"""Where the nodes of a graph are drawn: a layered layout, from left to right, made of the graph alone.

The way of K. Sugiyama, S. Tagawa and M. Toda ("Methods for Visual Understanding of Hierarchical System
Structures", 1981), in five steps, one module each: `layers` gives every node its depth and cuts long edges
into pieces, `ordering` sorts each layer so that few edges cross (counted by `crossings`), `folding` breaks
layers that would be far too tall into blocks of several columns, `placing` gives heights so that what belongs
together lies on one line, and `packing` sets the parts of the graph that do not hang together side by side.

Equal graphs get equal layouts, in whatever order nodes and edges are handed over. Nothing looks at a clock.
"""

from sqlorch.reports.layout.drawing import Layout, Place, lay_out

__all__ = ["Layout", "Place", "lay_out"]
