"""Where FakeQuantize goes: placement first, then fused_patterns, fused_adds, ignored_scope and quantizer."""
