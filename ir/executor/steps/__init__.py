"""From a layer of the graph to steps of the program: builder first, then a file for each kind of layer."""
