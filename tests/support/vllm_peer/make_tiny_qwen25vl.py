#!/usr/bin/env python3
"""Write a tiny Qwen2.5-VL checkpoint (same architecture as Nanonets-OCR2-3B) for tests.

    python make_tiny_qwen25vl.py OUT_DIR [--answer TEXT] [--hidden 64] [--seed 0] [--mode canned|random]

Needs only numpy and tokenizers (no torch, no transformers, no download);
writes about 0.7 MB in well under a second. File layout, config keys and tensor names are those
of a published Qwen2.5-VL checkpoint, so a stock server loads it unmodified:

    vllm serve OUT_DIR --served-model-name nanonets/Nanonets-OCR2-3B --dtype bfloat16 --enforce-eager

mode=canned (default): the model *says* ANSWER and then stops. Every attention and MLP output
projection is zero, so the last hidden state is just the last token's embedding; the output
matrix maps each token of the answer to its successor (a bigram chain that ends in <|im_end|>),
and every token that is not part of the answer (any prompt's end) to the answer's first token.
Greedy decoding therefore yields exactly ANSWER with finish_reason "stop", whatever the image,
while the real image pipeline (decode, resize, patchify, vision tower, M-RoPE, KV cache) still
runs. With "ignore_eos": true the answer repeats until max_tokens: a model stuck in a loop.
mode=random: all weights random; greedy output is noise that runs until max_tokens.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

DEFAULT_ANSWER = (
    "# Invoice 2026-001\n\n"
    "<table><tr><th>Item</th><th>Price</th></tr><tr><td>Widget</td><td>$4.20</td></tr></table>\n\n"
    "Total: $E = mc^2$ \u2611 paid, caf\u00e9 \u4f60\u597d\n<page_number>1</page_number>"
)
# Special tokens of Qwen2.5-VL, in the order of the original vocabulary.
SPECIALS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for c in message['content'] %}"
    "{% if c['type'] == 'image' or 'image' in c or 'image_url' in c %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif c['type'] == 'video' or 'video' in c %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in c %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Pre-tokenizer split pattern of Qwen2 (digits one by one, words, punctuation, white space).
PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def bytes_to_unicode():
    """GPT-2's printable stand-in for every byte (the alphabet of byte-level BPE)."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, n = {b: chr(b) for b in keep}, 0
    for b in range(256):
        if b not in table:
            table[b], n = chr(256 + n), n + 1
    return table


def pieces(text, seen=None):
    """Cut text into byte-level-encoded pieces, no two alike (a token may occur only once in a bigram chain).

    seen: the pieces used so far; the new ones are added. Pieces are 4 characters, or longer where shorter
    ones are taken; the other sizes are for texts that cannot be cut so.
    """
    table, seen = bytes_to_unicode(), set() if seen is None else seen
    enc = "".join(table[b] for b in text.encode())
    for size in (4, 3, 2, 1, 5, 6, 7):
        out, i = [], 0
        while i < len(enc):
            n = size
            while enc[i : i + n] in seen.union(out) and i + n < len(enc):
                n += 1
            piece = enc[i : i + n]
            while piece in seen.union(out) and out:  # at the end of the text: join it to the pieces before
                piece = out.pop() + piece
            out.append(piece)
            i += n
        if not seen.intersection(out):
            seen.update(out)
            return out
    raise ValueError(f"cannot cut {text!r} into pieces that differ from those before it")


def build_tokenizer(answer):
    """Byte-level BPE without merges (1 token per byte when encoding) plus decode-only answer pieces."""
    vocab = {c: i for i, c in enumerate(bytes_to_unicode().values())}
    chain = []
    for p in pieces(answer):
        chain.append(vocab.setdefault(p, len(vocab)))
    tok = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tok.decoder = decoders.ByteLevel()
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIALS])
    return tok, chain


def make_config(tok, vocab_size, hidden, vhidden):
    tid = tok.token_to_id
    return {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "model_type": "qwen2_5_vl",
        "torch_dtype": "bfloat16",
        "vocab_size": vocab_size,
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "hidden_act": "silu",
        "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0,
        # half of the head size (32) split over time/height/width: 4 + 6 + 6
        "rope_scaling": {"type": "mrope", "mrope_section": mrope_sections(hidden // 2 // 2)},
        "use_sliding_window": False,
        "max_window_layers": 2,
        "tie_word_embeddings": False,
        "bos_token_id": tid("<|endoftext|>"),
        "eos_token_id": tid("<|im_end|>"),
        "pad_token_id": tid("<|endoftext|>"),
        "image_token_id": tid("<|image_pad|>"),
        "video_token_id": tid("<|video_pad|>"),
        "vision_start_token_id": tid("<|vision_start|>"),
        "vision_end_token_id": tid("<|vision_end|>"),
        "vision_token_id": tid("<|vision_pad|>"),
        "vision_config": {
            "model_type": "qwen2_5_vl",
            "depth": 2,
            "hidden_size": vhidden,
            "intermediate_size": 2 * vhidden,
            "num_heads": 2,
            "hidden_act": "silu",
            "in_chans": 3,
            "out_hidden_size": hidden,
            "patch_size": 14,
            "spatial_patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "tokens_per_second": 2,
            "window_size": 112,
            "fullatt_block_indexes": [1],
        },
    }


def mrope_sections(half):
    a = half // 4
    b = (half - a) // 2
    return [half - 2 * b, b, b]


def canned_head(rng, embed, chain, eos, gain=3.0):
    """Output matrix of the bigram chain. Makes all rows of embed outside the chain equal (= "start")."""
    other = np.ones(len(embed), bool)
    other[chain] = False
    embed[other] = embed[eos]
    head = (rng.standard_normal(embed.shape) * 0.02).astype(np.float32)
    for a, b in zip(
        [eos, *chain], [*chain, eos], strict=True
    ):  # logit = gain * sqrt(hidden), ~24, against noise of a few units
        head[b] += gain * embed[a]
    return head


def write_safetensors(path, tensors, zeros=()):
    """Write float32 arrays as bfloat16. zeros: {name: shape} of all-zero tensors, left as a hole in the file."""
    header, pos = {"__metadata__": {"format": "pt"}}, 0
    shapes = {**{k: t.shape for k, t in tensors.items()}, **dict(zeros)}
    for name, shape in shapes.items():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [pos, pos + size]}
        pos += size
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with Path(path).open("wb") as f:
        f.write(len(head).to_bytes(8, "little") + head)
        for t in tensors.values():
            u = np.ascontiguousarray(t, np.float32).view(np.uint32)
            f.write(((u + 0x7FFF + ((u >> 16) & 1)) >> 16).astype(np.uint16).tobytes())  # round to nearest even
        f.truncate(8 + len(head) + pos)


def make_weights(cfg, chain, mode, seed):
    rng = np.random.default_rng(seed)
    h, im, v = cfg["hidden_size"], cfg["intermediate_size"], cfg["vocab_size"]
    vc = cfg["vision_config"]
    vh, vim = vc["hidden_size"], vc["intermediate_size"]
    kv = h // cfg["num_attention_heads"] * cfg["num_key_value_heads"]
    canned = mode == "canned"

    def rand(*shape, std=0.05):
        return (rng.standard_normal(shape) * std).astype(np.float32)

    def ones(n):
        return np.ones(n, np.float32)

    def out(*shape):  # projections that write into the residual stream of the language model
        return np.zeros(shape, np.float32) if canned else rand(*shape)

    embed = rng.standard_normal((v, h)).astype(np.float32)
    embed /= np.linalg.norm(embed, axis=1, keepdims=True)
    head = canned_head(rng, embed, chain, cfg["eos_token_id"]) if canned else rand(v, h, std=0.2)
    w = {"model.embed_tokens.weight": embed, "lm_head.weight": head, "model.norm.weight": ones(h)}
    for i in range(cfg["num_hidden_layers"]):
        p = f"model.layers.{i}."
        w[p + "input_layernorm.weight"] = w[p + "post_attention_layernorm.weight"] = ones(h)
        for n, o in (("q", h), ("k", kv), ("v", kv)):
            w[f"{p}self_attn.{n}_proj.weight"] = rand(o, h)
            w[f"{p}self_attn.{n}_proj.bias"] = np.zeros(o, np.float32)
        w[p + "self_attn.o_proj.weight"] = out(h, h)
        w[p + "mlp.gate_proj.weight"] = rand(im, h)
        w[p + "mlp.up_proj.weight"] = rand(im, h)
        w[p + "mlp.down_proj.weight"] = out(h, im)
    w["visual.patch_embed.proj.weight"] = rand(vh, 3, 2, 14, 14)
    for i in range(vc["depth"]):
        p = f"visual.blocks.{i}."
        w[p + "norm1.weight"] = w[p + "norm2.weight"] = ones(vh)
        for n, o, k in (
            ("attn.qkv", 3 * vh, vh),
            ("attn.proj", vh, vh),
            ("mlp.gate_proj", vim, vh),
            ("mlp.up_proj", vim, vh),
            ("mlp.down_proj", vh, vim),
        ):
            w[f"{p}{n}.weight"] = rand(o, k)
            w[f"{p}{n}.bias"] = np.zeros(o, np.float32)
    m = 4 * vh  # 2x2 patches merged into one language token
    w["visual.merger.ln_q.weight"] = ones(vh)
    for n, o in (("0", m), ("2", h)):
        w[f"visual.merger.mlp.{n}.weight"] = rand(o, m)
        w[f"visual.merger.mlp.{n}.bias"] = np.zeros(o, np.float32)
    return w


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("out", type=Path)
    ap.add_argument("--answer", default=DEFAULT_ANSWER)
    ap.add_argument("--mode", choices=("canned", "random"), default="canned")
    ap.add_argument("--hidden", type=int, default=64)
    ap.add_argument("--max-pixels", type=int, default=1280 * 28 * 28)
    ap.add_argument("--seed", type=int, default=0)
    a = ap.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)

    tok, chain = build_tokenizer(a.answer)
    # Room above the last token id, rounded up to 64 like real checkpoints (padding rows are never picked).
    vocab_size = -(-tok.get_vocab_size() // 64) * 64
    cfg = make_config(tok, vocab_size, a.hidden, vhidden=a.hidden)
    write_safetensors(a.out / "model.safetensors", make_weights(cfg, chain, a.mode, a.seed))

    def dump(name, obj):
        (a.out / name).write_text(json.dumps(obj, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    tok.save(str(a.out / "tokenizer.json"))
    dump("config.json", cfg)
    dump(
        "generation_config.json",
        {
            "bos_token_id": cfg["bos_token_id"],
            "pad_token_id": cfg["pad_token_id"],
            "eos_token_id": [cfg["eos_token_id"], cfg["pad_token_id"]],
            "do_sample": False,
        },
    )
    dump(
        "tokenizer_config.json",
        {
            "tokenizer_class": "Qwen2Tokenizer",
            "add_prefix_space": False,
            "add_bos_token": False,
            "bos_token": None,
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "unk_token": None,
            "errors": "replace",
            "clean_up_tokenization_spaces": False,
            "split_special_tokens": False,
            "model_max_length": 131072,
            "additional_special_tokens": SPECIALS[1:],
            "added_tokens_decoder": {
                str(tok.token_to_id(s)): {
                    "content": s,
                    "lstrip": False,
                    "normalized": False,
                    "rstrip": False,
                    "single_word": False,
                    "special": True,
                }
                for s in SPECIALS
            },
            "chat_template": CHAT_TEMPLATE,
        },
    )
    dump("chat_template.json", {"chat_template": CHAT_TEMPLATE})
    dump(
        "preprocessor_config.json",
        {
            "min_pixels": 4 * 28 * 28,
            "max_pixels": a.max_pixels,
            "patch_size": 14,
            "temporal_patch_size": 2,
            "merge_size": 2,
            "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711],
            "image_processor_type": "Qwen2VLImageProcessor",
            "processor_class": "Qwen2_5_VLProcessor",
        },
    )
    # Slow-tokenizer files, as published checkpoints have them (some loaders look for them).
    dump("vocab.json", tok.get_vocab(with_added_tokens=False))
    (a.out / "merges.txt").write_text("#version: 0.2\n")


if __name__ == "__main__":
    main()
