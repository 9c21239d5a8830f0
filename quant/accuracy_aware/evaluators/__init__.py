"""How accurate a variant of the model is: evaluator measures, journal keeps what was measured."""
