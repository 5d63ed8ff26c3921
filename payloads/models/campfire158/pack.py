"""Write a checkpoint as MODEL.npz with its shape as MODEL.json, and as MODEL.gguf.

  pack.py MASTERS.pt TOKENIZER MODEL

The scales and the embeddings are rounded to float16 first, so that both files
hold the same numbers. In the .npz neighbours make a pair.
"""
import json
import os
import sys

import numpy as np
import torch

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "campfire"))
import bitnet
from gguf_of import save_gguf
from tokenizer import Tokenizer

def tensors(masters):
    """Name -> array, as they go into the .npz."""
    out = {}
    for name, w in masters.items():
        full = name if "." not in name else "blocks." + name
        if bitnet.is_ternary(name):
            values, scale = bitnet.ternary(w)
            out[full + ".ternary"] = values.numpy().astype(np.int8)
            out[full + ".scale"] = np.float32(np.float16(scale.item()))
        else:
            out[full] = w.numpy().astype(np.float16 if name == "embed" else np.float32)
    return out


def main():
    masters, tokenizer, out = torch.load(sys.argv[1]), Tokenizer(sys.argv[2]), sys.argv[3]
    masters = {n: w.detach() for n, w in masters.items()}
    shape = dict(bitnet.SHAPE, norm_eps=bitnet.EPS, rope_theta=10000.0)
    arrays = tensors(masters)
    np.savez_compressed(out + ".npz", shape=json.dumps(shape), **arrays)
    matrices = {n[:-8]: a for n, a in arrays.items() if n.endswith(".ternary")}
    with open(out + ".json", "w") as f:
        json.dump(dict(name="campfire158", architecture="bitnet", **shape,
                       activation_bits=8, tensors={n: [str(a.dtype), *a.shape] for n, a in arrays.items()}), f, indent=1)
        f.write("\n")
    save_gguf(out + ".gguf", arrays, shape, tokenizer)
    count = sum(a.size for a in matrices.values())
    print(f"{count} ternary weights, {sum((a == 0).sum() for a in matrices.values()) / count:.3f} of them 0")


if __name__ == "__main__":
    main()
