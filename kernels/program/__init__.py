"""A model as one compiled program: step (what a step is), step_kernels (which kernel runs it), program (the
loop over all steps).

records: how a layer becomes numbers and is read again; extent: which bytes a step touches;
convolution_steps, elementwise_steps and window_steps: the kernels by layer.
"""
