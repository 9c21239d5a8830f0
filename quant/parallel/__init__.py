"""Work shared by processes.

pool        one process, or many
dask_pool   workers on this and other machines
progress    how far the work is
"""
