"""Write MODEL.gguf, as llama.cpp reads it, from MODEL.npz.

  gguf_of.py MODEL.npz TOKENIZER MODEL.gguf

llama.cpp's architecture "bitnet" turns the first half of a head against the
second: the rows of q and k are put in that order. The numbers are the same.
"""
import json
import os
import sys

import gguf
import numpy as np

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "campfire"))
from tokenizer import BOS, Tokenizer

GGUF_NAMES = dict(attn_norm="attn_norm", q="attn_q", k="attn_k", v="attn_v", attn_sub_norm="attn_sub_norm",
                  out="attn_output", ffn_norm="ffn_norm", gate="ffn_gate", up="ffn_up",
                  ffn_sub_norm="ffn_sub_norm", down="ffn_down")


def halves(rows, size):
    """Rows of q or k, from neighbours that make a pair to the first half of a head against the second."""
    return rows.reshape(-1, size // 2, 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def save_gguf(path, arrays, shape, tokenizer):
    size = shape["dim"] // shape["heads"]
    w = gguf.GGUFWriter(path, "bitnet")
    w.add_name("campfire158")
    w.add_license("mit")
    w.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    w.add_vocab_size(shape["vocab"])
    w.add_context_length(shape["seq"])
    w.add_embedding_length(shape["dim"])
    w.add_feed_forward_length(shape["hidden"])
    w.add_block_count(shape["layers"])
    w.add_head_count(shape["heads"])
    w.add_head_count_kv(shape["kv_heads"])
    w.add_rope_dimension_count(size)
    w.add_rope_freq_base(shape["rope_theta"])
    w.add_layer_norm_rms_eps(shape["norm_eps"])
    types = gguf.TokenType
    w.add_tokenizer_model("llama")
    w.add_tokenizer_pre("default")
    w.add_token_list(["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
                     + [p.decode().replace(" ", "\u2581") for p in tokenizer.pieces[259:]])
    w.add_token_scores(tokenizer.scores)
    w.add_token_types([types.UNKNOWN] + [types.CONTROL] * 2 + [types.BYTE] * 256 + [types.NORMAL] * (shape["vocab"] - 259))
    w.add_bos_token_id(BOS)
    w.add_eos_token_id(BOS)  # BOS ends a story as well
    w.add_unk_token_id(0)
    w.add_add_bos_token(True)
    w.add_add_eos_token(False)
    w.add_add_space_prefix(True)
    w.add_tensor("token_embd.weight", arrays["embed"])
    w.add_tensor("output_norm.weight", arrays["norm"])
    for i in range(shape["layers"]):
        for mine, theirs in GGUF_NAMES.items():
            name, target = f"blocks.{i}.{mine}", f"blk.{i}.{theirs}.weight"
            if name + ".ternary" in arrays:
                values = arrays[name + ".ternary"]
                if mine in "qk":
                    values = halves(values, size)
                w.add_tensor(target, values.astype(np.float16) * np.float16(arrays[name + ".scale"]))
            else:
                w.add_tensor(target, arrays[name])
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main():
    arrays = dict(np.load(sys.argv[1]))
    save_gguf(sys.argv[3], arrays, json.loads(str(arrays.pop("shape"))), Tokenizer(sys.argv[2]))


if __name__ == "__main__":
    main()
