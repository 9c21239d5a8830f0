"""How a graph runs on kernels. Read executor first, then compiled and plan.

executor            Executor: compiles a graph once for each shape of its inputs, and runs it
compiled            a graph compiled for inputs of certain shapes
plan, step          from the graph to a Plan, a list of Steps; what these two hold
steps/              the steps of each kind of layer
plan_check          what must hold of a plan before compiled code runs it
schedule            the order of the steps, and the memory they share
workers             the threads that run a stretch of steps
one_at_a_time       runs that share memory wait for each other
saturation_counts   what integer layers count of pairs that clip
"""
