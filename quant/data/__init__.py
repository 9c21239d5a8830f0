"""Samples: sources opens any of them (npz, idx, folders of pictures, plug-ins), model_data fits them to a
model's inputs.
"""

from typing import TYPE_CHECKING

from numpot.ir.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .loader import DataError as DataError
    from .loader import DataLoader as DataLoader
    from .model_data import ModelData as ModelData
    from .preprocessing import Preprocessing as Preprocessing
    from .sources import Batch as Batch
    from .sources import Subset as Subset
    from .sources import batches as batches
    from .sources import open_data as open_data
    from .sources import subset as subset

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "open_data": "sources",
        "batches": "sources",
        "subset": "sources",
        "Batch": "sources",
        "Subset": "sources",
        "ModelData": "model_data",
        "DataLoader": "loader",
        "DataError": "loader",
        "Preprocessing": "preprocessing",
    },
)
