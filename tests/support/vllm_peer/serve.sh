#!/bin/bash
# serve.sh VENV FOLDER deepseek|nanonets PORT [more vllm flags]: a real vLLM server on the CPU. FOLDER gets a tiny checkpoint.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); venv=$1 ckpt=$2/$3 model=$3 port=$4; shift 4
common="--host 127.0.0.1 --port $port --dtype bfloat16 --max-num-seqs 8 --enforce-eager"
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 VLLM_CPU_KVCACHE_SPACE=1 \
       VLLM_CPU_OMP_THREADS_BIND=nobind OMP_NUM_THREADS=2 TORCH_COMPILE_DISABLE=1
case $model in
  nanonets) "$venv/bin/python" "$here/make_tiny_qwen25vl.py" "$ckpt"
            exec "$venv/bin/vllm" serve "$ckpt" --served-model-name nanonets/Nanonets-OCR2-3B $common \
              --max-model-len 32768 --num-gpu-blocks-override 300 "$@" ;;
  deepseek) "$venv/bin/python" "$here/make_tiny_deepseek_ocr.py" "$ckpt"
            exec "$venv/bin/vllm" serve "$ckpt" --served-model-name deepseek-ai/DeepSeek-OCR $common \
              --max-model-len 8192 --num-gpu-blocks-override 80 \
              --logits_processors vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor \
              --no-enable-prefix-caching --mm-processor-cache-gb 0 "$@" ;;
esac
