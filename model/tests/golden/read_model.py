"""Reads a stored model with pyarrow: `python3 read_model.py models/v1_kmeans.qm`.

The format is described in src/store/mod.rs. The hash at the end is checked where the package
`blake3` is there.
"""

import json
import struct
import sys

import numpy as np
import pyarrow as pa


def read(path):
    """The header, a dict, and the arrays by name."""
    data = open(path, "rb").read()
    assert data[:8] == b"QUERNMDL", "not a model"
    version, length = struct.unpack("<II", data[8:16])
    assert version == 1, f"format version {version}"
    try:
        import blake3
        assert blake3.blake3(data[:-32]).digest() == data[-32:], "damaged"
    except ImportError:
        pass
    header = json.loads(data[16:16 + length])
    with pa.ipc.open_stream(data[16 + length:-32]) as stream:
        table = stream.read_all()
    arrays = {row["name"]: np.array(row["data"]).reshape(row["shape"]) for row in table.to_pylist()}
    return header, arrays


if __name__ == "__main__":
    header, arrays = read(sys.argv[1])
    print(json.dumps(header, indent=2))
    for name, array in arrays.items():
        print(name, array.shape)
        print(array)
