"""Channels made alike before they are quantized.

channel_alignment                    ActivationChannelAlignment (POT)
aligned_statistics, aligned_sweeps   statistics of the aligned model, from one pass over the samples
equalization, channel_groups         over groups of channels that can only be scaled together (numpot)
"""
