"""Channels made alike before they are quantized: channel_alignment (POT), equalization and channel_groups
(numpot).
"""
