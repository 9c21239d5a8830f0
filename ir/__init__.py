"""What a model is: graph, file formats, operators, how it runs."""
