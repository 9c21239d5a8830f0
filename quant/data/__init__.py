"""Samples: sources opens any of them, model_data fits them to a model's inputs.

sources                    open_data, subset, batches
loader                     DataLoader: what every source looks like
npz, idx, images, plugins  the sources: arrays, MNIST's files, folders of pictures, classes of the user's
classes                    which label each folder of pictures stands for
model_data, preprocessing  samples as the model reads them; from pixels to numbers
input_ranges               whether pixels were scaled by a wrong mean
fingerprints               what tells one set of samples from another
"""

from typing import TYPE_CHECKING

from numpot.ir.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from ..errors import DataError as DataError
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
        "DataError": ".errors",
        "Preprocessing": "preprocessing",
    },
)
