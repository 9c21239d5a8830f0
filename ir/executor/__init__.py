"""Run a graph on compiled kernels: plan (steps), schedule (their order), compiled (for inputs of given
shapes), workers (threads).

Read executor first. steps/ makes the steps of each kind of layer; saturation_counts gathers what integer
layers count.
"""
