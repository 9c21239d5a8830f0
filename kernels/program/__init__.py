"""A model as one compiled program: step (what a step is), step_kernels (which kernel runs it), program (the
loop over all steps).

convolution_steps, elementwise_steps and window_steps are the kernels by layer; extent says which bytes a step
touches.
"""
