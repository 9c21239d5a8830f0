"""numpot quantize: command is what is typed, options its options, job what it asks for; from_config reads a
file instead.
"""
