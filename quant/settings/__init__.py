"""What a user may ask for: parameters and their checks, and the preset that tries several."""
