"""What somebody should know of a quantized model: findings notes it, layer_noise finds layers that became
noise.
"""
