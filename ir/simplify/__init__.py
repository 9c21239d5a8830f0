"""What makes a graph simpler and changes no result: passes lists them in order (constants, patterns, folding
into layers).
"""
