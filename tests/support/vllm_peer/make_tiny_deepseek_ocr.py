#!/usr/bin/env python3
"""Write a tiny DeepSeek-OCR checkpoint (DeepseekOCRForCausalLM) for tests.

    python make_tiny_deepseek_ocr.py OUT_DIR [--answer TEXT] [--mode canned|random]

    vllm serve OUT_DIR --served-model-name deepseek-ai/DeepSeek-OCR --dtype bfloat16 --enforce-eager \\
        --logits_processors vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor \\
        --no-enable-prefix-caching --mm-processor-cache-gb 0

Needs only numpy and tokenizers. The language model is tiny (one dense and one mixture-of-experts
layer, hidden size 64); see make_tiny_qwen25vl.py for how "canned" makes it say ANSWER. The vision
tower's shape (SAM-B and CLIP-L, 400 M parameters) is fixed in the server's code and cannot be shrunk
by the config: its tensors are written as zeros in a sparse file (about 0.8 GB long, but only some
MB on disk), so they load at once and cost memory and image time only.

Vocabulary size and special-token ids are meant to be those of the real model, so that a client's
whitelist_token_ids (128821 <td>, 128822 </td>) mean the same here; they were written from memory and
not compared with the published tokenizer.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np
from make_tiny_qwen25vl import bytes_to_unicode, canned_head, pieces, write_safetensors
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

DEFAULT_ANSWER = (
    "<|ref|>title<|/ref|><|det|>[[60, 42, 930, 91]]<|/det|>\n# Quarterly report\n\n"
    "<|ref|>table<|/ref|><|det|>[[60, 120, 930, 400]]<|/det|>\n"
    "<table><tr><td>Q1</td><td>4.20</td></tr><tr><td>Q2</td><td>\u20ac7</td></tr></table>\n\n"
    "<|ref|>text<|/ref|><|det|>[[60, 420, 930, 480]]<|/det|>\nSee \\(x^2\\) and \u4f60\u597d.\n"
)
BOS, EOS, PAD = (
    "<\uff5cbegin\u2581of\u2581sentence\uff5c>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<\uff5c\u2581pad\u2581\uff5c>",
)
SPECIALS = {
    BOS: 0,
    EOS: 1,
    PAD: 2,
    "<image>": 128815,
    "<|ref|>": 128816,
    "<|/ref|>": 128817,
    "<|det|>": 128818,
    "<|/det|>": 128819,
    "<|grounding|>": 128820,
    "<td>": 128821,
    "</td>": 128822,
    "<tr>": 128823,
    "</tr>": 128824,
    "<|User|>": 128825,
    "<|Assistant|>": 128826,
}
VOCAB = 129280
HIDDEN, LAYERS, HEADS, FFN = 64, 2, 2, 128
EXPERTS, SHARED, MOE_FFN = 4, 2, 64


def build_tokenizer(answer):
    """Byte-level BPE without merges; the answer's first use of a special token is that token, the rest are pieces."""
    vocab = {**SPECIALS, **{c: 3 + i for i, c in enumerate(bytes_to_unicode().values())}}
    chain, todo, seen = [], [], set()
    for part in re.split("(" + "|".join(map(re.escape, SPECIALS)) + ")", answer):
        if part in SPECIALS and part not in seen:
            seen.add(part)
            todo.append(part)
        elif part and todo and isinstance(todo[-1], list):
            todo[-1][0] += part
        elif part:
            todo.append([part])
    used, nxt = set(SPECIALS), 3 + 256
    for item in todo:
        if isinstance(item, str):
            chain.append(SPECIALS[item])
            continue
        for p in pieces(item[0], seen=used):
            if p not in vocab:
                vocab[p], nxt = nxt, nxt + 1
            chain.append(vocab[p])
    assert len(set(chain)) == len(chain), "a token may occur once only"
    tok = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tok.decoder = decoders.ByteLevel()
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIALS])
    return tok, chain


def make_config():
    language = {
        "architectures": ["DeepseekV2ForCausalLM"],
        "model_type": "deepseek_v2",
        "torch_dtype": "bfloat16",
        "vocab_size": VOCAB,
        "hidden_size": HIDDEN,
        "intermediate_size": FFN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 8192,
        "rope_theta": 10000.0,
        "attention_bias": False,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "tie_word_embeddings": False,
        # plain multi-head attention instead of MLA, as in the real model
        "use_mla": False,
        "kv_lora_rank": None,
        "q_lora_rank": None,
        "qk_nope_head_dim": 0,
        "qk_rope_head_dim": 0,
        "v_head_dim": 0,
        "head_dim": HIDDEN // HEADS,
        "first_k_dense_replace": 1,
        "moe_layer_freq": 1,
        "moe_intermediate_size": MOE_FFN,
        "n_routed_experts": EXPERTS,
        "n_shared_experts": SHARED,
        "num_experts_per_tok": 2,
        "n_group": 1,
        "topk_group": 1,
        "topk_method": "greedy",
        "norm_topk_prob": False,
        "routed_scaling_factor": 1.0,
        "scoring_func": "softmax",
    }
    return {
        "architectures": ["DeepseekOCRForCausalLM"],
        "model_type": "deepseek_vl_v2",
        "torch_dtype": "bfloat16",
        "language_config": language,
        "projector_config": {"model_type": "mlp_projector", "projector_type": "linear", "input_dim": 2048, "n_embed": HIDDEN},
        "vision_config": {
            "model_type": "vision",
            "model_name": "deeplip_b_l",
            "image_size": 1024,
            "mlp_ratio": 3.7362,
            "width": {
                "clip-l-14-224": {"heads": 16, "image_size": 224, "layers": 24, "patch_size": 14, "width": 1024},
                "sam_vit_b": {
                    "downsample_channels": [512, 1024],
                    "global_attn_indexes": [2, 5, 8, 11],
                    "heads": 12,
                    "layers": 12,
                    "width": 768,
                },
            },
        },
        "tile_tag": "2D",
        "global_view_pos": "head",
        "candidate_resolutions": [[1024, 1024]],
        "bos_token_id": 0,
        "eos_token_id": 1,
        "vocab_size": VOCAB,
        "tie_word_embeddings": False,
    }


def language_weights(chain, mode, seed):
    rng = np.random.default_rng(seed)

    def rand(*shape, std=0.05):
        return (rng.standard_normal(shape) * std).astype(np.float32)

    def out(*shape):  # projections that write into the residual stream
        return np.zeros(shape, np.float32) if mode == "canned" else rand(*shape)

    ones = np.ones(HIDDEN, np.float32)
    embed = rng.standard_normal((VOCAB, HIDDEN), dtype=np.float32)
    embed /= np.linalg.norm(embed, axis=1, keepdims=True)
    head = canned_head(rng, embed, chain, eos=1) if mode == "canned" else rand(VOCAB, HIDDEN, std=0.2)
    w = {"model.embed_tokens.weight": embed, "lm_head.weight": head, "model.norm.weight": ones}

    def ffn(p, width):
        w[p + "gate_proj.weight"] = rand(width, HIDDEN)
        w[p + "up_proj.weight"] = rand(width, HIDDEN)
        w[p + "down_proj.weight"] = out(HIDDEN, width)

    for i in range(LAYERS):
        p = f"model.layers.{i}."
        w[p + "input_layernorm.weight"] = w[p + "post_attention_layernorm.weight"] = ones
        for n in "qkv":
            w[f"{p}self_attn.{n}_proj.weight"] = rand(HIDDEN, HIDDEN)
        w[p + "self_attn.o_proj.weight"] = out(HIDDEN, HIDDEN)
        if i == 0:
            ffn(p + "mlp.", FFN)
            continue
        w[p + "mlp.gate.weight"] = rand(EXPERTS, HIDDEN)
        ffn(p + "mlp.shared_experts.", SHARED * MOE_FFN)
        for e in range(EXPERTS):
            ffn(f"{p}mlp.experts.{e}.", MOE_FFN)
    w["model.image_newline"], w["model.view_seperator"] = rand(HIDDEN), rand(HIDDEN)  # "seperator": as in the real model
    w["model.projector.layers.weight"], w["model.projector.layers.bias"] = rand(HIDDEN, 2048), rand(HIDDEN)
    return w


def vision_shapes():
    """Shapes of the fixed vision tower: SAM ViT-B (1024 px, window 14) and CLIP-L/14."""
    z = {}

    def wb(name, o, *rest):
        z[name + ".weight"], z[name + ".bias"] = (o, *rest), (o,)

    s = "model.sam_model."
    wb(s + "patch_embed.proj", 768, 3, 16, 16)
    z[s + "pos_embed"] = (1, 64, 64, 768)
    for i in range(12):
        b, side = f"{s}blocks.{i}.", 64 if i in (2, 5, 8, 11) else 14
        wb(b + "norm1", 768)
        wb(b + "norm2", 768)
        wb(b + "attn.qkv", 3 * 768, 768)
        wb(b + "attn.proj", 768, 768)
        z[b + "attn.rel_pos_h"] = z[b + "attn.rel_pos_w"] = (2 * side - 1, 64)
        wb(b + "mlp.lin1", 3072, 768)
        wb(b + "mlp.lin2", 768, 3072)
    z[s + "neck.0.weight"] = (256, 768, 1, 1)
    wb(s + "neck.1", 256)
    z[s + "neck.2.weight"] = (256, 256, 3, 3)
    wb(s + "neck.3", 256)
    z[s + "net_2.weight"] = (512, 256, 3, 3)
    z[s + "net_3.weight"] = (1024, 512, 3, 3)
    c = "model.vision_model."
    z[c + "embeddings.class_embedding"] = (1024,)
    z[c + "embeddings.patch_embedding.weight"] = (1024, 3, 14, 14)
    z[c + "embeddings.position_embedding.weight"] = (257, 1024)
    wb(c + "pre_layrnorm", 1024)
    for i in range(24):
        b = f"{c}transformer.layers.{i}."
        wb(b + "layer_norm1", 1024)
        wb(b + "layer_norm2", 1024)
        wb(b + "self_attn.qkv_proj", 3072, 1024)
        wb(b + "self_attn.out_proj", 1024, 1024)
        wb(b + "mlp.fc1", 4096, 1024)
        wb(b + "mlp.fc2", 1024, 4096)
    return z


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("out", type=Path)
    ap.add_argument("--answer", default=DEFAULT_ANSWER)
    ap.add_argument("--mode", choices=("canned", "random"), default="canned")
    ap.add_argument("--seed", type=int, default=0)
    a = ap.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)

    tok, chain = build_tokenizer(a.answer)
    write_safetensors(a.out / "model.safetensors", language_weights(chain, a.mode, a.seed), vision_shapes())

    def dump(name, obj):
        (a.out / name).write_text(json.dumps(obj, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    tok.save(str(a.out / "tokenizer.json"))
    dump("config.json", make_config())
    dump("generation_config.json", {"bos_token_id": 0, "eos_token_id": 1, "do_sample": False})
    dump(
        "tokenizer_config.json",
        {  # no chat template: the server has one of its own for this model
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": BOS,
            "eos_token": EOS,
            "pad_token": PAD,
            "add_bos_token": False,
            "add_eos_token": False,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 8192,
        },
    )
    dump(
        "processor_config.json",
        {
            "processor_class": "DeepseekVLV2Processor",
            "image_token": "<image>",
            "pad_token": PAD,
            "patch_size": 16,
            "downsample_ratio": 4,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
            "normalize": True,
            "add_special_token": False,
            "candidate_resolutions": [[1024, 1024]],
            "ignore_id": -100,
            "mask_prompt": False,
            "sft_format": "deepseek",
        },
    )


if __name__ == "__main__":
    main()
