"""How fast, beside the vendors: benchmark measures, peers opens each runtime the fastest way it documents."""
