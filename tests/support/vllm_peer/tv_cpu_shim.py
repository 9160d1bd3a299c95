"""Let a CUDA build of torchvision import beside a CPU build of torch.

torchvision's compiled ops (_C.so) link against CUDA libraries and do not load, and
``import torchvision`` then dies in _meta_registrations with "operator torchvision::nms
does not exist". Only these *schemas* are needed for the import; the image transforms
that vLLM and transformers use are pure torch/PIL. Installed as ``tv_cpu_shim.py`` plus a
``tv_cpu_shim.pth`` holding ``import tv_cpu_shim`` in site-packages, so that every
process of ``vllm serve`` (API server, spawned engine core) gets it. Costs nothing
until torchvision is imported.
"""

import importlib.abc
import sys


class _Hook(importlib.abc.MetaPathFinder):
    lib = None  # keep the Library alive: its definitions go away with it

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision" and _Hook.lib is None:
            import torch

            _Hook.lib = torch.library.Library("torchvision", "DEF")
            for op in ("nms", "qnms"):
                _Hook.lib.define(f"{op}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return  # let the normal finders load it


sys.meta_path.insert(0, _Hook())
