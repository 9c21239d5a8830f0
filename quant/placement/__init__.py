"""Where FakeQuantize goes (docs/calibration.md, "Places"). Read placement first.

placement                    finds the places
quantizer                    Quantizer: a place
fused_patterns, fused_adds   operators that are computed as one, and not quantized inside
ignored_scope, scopes        layers that somebody wants in float; what each scope leaves in float
"""
