"""Data: known sets, folders and archives of pictures, array files, arrays - each cut into three splits.

>>> digits = open("digits")
>>> len(digits.train), len(digits.validation), len(digits.test), digits.spec.shape
(1437, 180, 180, (1, 8, 8))
>>> digits.train.take(seed=0, start=0, count=128).x.shape
torch.Size([128, 1, 8, 8])
"""

from latentia.data.dataset import DataSet
from latentia.data.items import cells, items, labelled
from latentia.data.known import Listed, known
from latentia.data.opening import open
from latentia.data.options import DataOptions
from latentia.data.source import Split
from latentia.data.streaming import stream
from latentia.data.tables.given import given_entries, given_values
from latentia.data.tables.making import names_of, table

__all__ = [
    "DataOptions",
    "DataSet",
    "Listed",
    "Split",
    "cells",
    "given_entries",
    "given_values",
    "items",
    "known",
    "labelled",
    "names_of",
    "open",
    "stream",
    "table",
]
