"""What Interpreter and Executor share.

options          checks what a run is told beside the model: arithmetic, threads, observer
specialization   makes a graph for inputs of certain shapes: every dimension is a number
"""
