"""XML as both numpot's own format and OpenVINO IR have it: layers, edges, and weights in a .bin beside it."""
