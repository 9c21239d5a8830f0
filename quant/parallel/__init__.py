"""Work shared by processes: pool (one or many), dask_pool (many machines), progress."""
