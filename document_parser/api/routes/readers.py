"""Report which engines can read a page at this moment, and why none can.

These are the model servers and the CPU engines of the workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from document_parser.api.routes.model_servers import ModelCheck
from document_parser.api.schemas import Check
from document_parser.jobs.queue import LivingWorker
from document_parser.models import CpuEngine
from document_parser.settings import Settings

NO_WORKER = "No worker runs: documents are accepted and wait. Start docparse worker, or raise NUM_WORKERS."
"""Warning if no worker runs and this service starts none."""
NOT_UP_YET = "No worker has started yet. Wait some seconds."
"""Detail of the check of workers while none has started."""
NO_CPU_ENGINE_READS = "Only pages with a sound text layer are read: no worker's CPU engine can read. {reasons}"
"""Warning in INFERENCE_MODE=cpu if no CPU engine works."""
NO_ENGINE_READS = (
    "Only pages with a sound text layer are read: no model server answers, and no worker's CPU engine can read. {reasons}"
)
"""Warning if neither a model server nor a CPU engine works."""
NO_MODEL_READS = (
    "INFERENCE_MODE=vllm, but no model server can be used: pages without a sound text layer fail. "
    "Start one (docparse models start), correct VLLM_DEEPSEEK_URL, VLLM_NANONETS_URL or VLLM_VLM_URL, or set "
    "INFERENCE_MODE=auto. {reasons}"
)
"""Warning in INFERENCE_MODE=vllm if no model server works."""


ReportedEngine = tuple[str, CpuEngine]
"""A host, and a CPU engine as a worker on it reports it."""


def cpu_engines(workers: Sequence[LivingWorker]) -> dict[str, Check]:
    """Return the state of the workers' CPU engines by name. An engine is ok if one worker's can read."""
    return _checks([(worker.host, worker.cpu_engine) for worker in workers if worker.cpu_engine])


def helpers(workers: Sequence[LivingWorker]) -> dict[str, Check]:
    """Return the state of the engines that read what a CPU engine cannot. The service reads without them."""
    return _checks([(worker.host, helper) for worker in workers if worker.cpu_engine for helper in worker.cpu_engine.helpers])


def scripts(workers: Sequence[LivingWorker]) -> list[str]:
    """Return the scripts that a CPU engine of a worker reads in scans, in the order in which they are reported."""
    engines = [engine for worker in workers if worker.cpu_engine for engine in (worker.cpu_engine, *worker.cpu_engine.helpers)]
    return list(dict.fromkeys(script for engine in engines if not engine.trouble for script in engine.scripts))


def runtimes(workers: Sequence[LivingWorker], name: str) -> dict[str, int]:
    """Return how many workers compute this engine's models with each runtime."""
    engines = [worker.cpu_engine for worker in workers]
    return dict(Counter(found.runtime for found in engines if found and found.name == name and found.runtime))


def warnings(settings: Settings, workers: Sequence[LivingWorker], models: Mapping[str, ModelCheck]) -> Iterator[str]:
    """Yield why pages are not read, or not by every engine that should read them.

    ``models`` is empty if the model servers were not checked.
    """
    if not workers and not settings.workers.num_workers:
        yield NO_WORKER
    engines, mode = cpu_engines(workers), settings.engines.inference_mode
    if mode == "vllm" and models and not _any_reads(models):
        yield NO_MODEL_READS.format(reasons=_reasons(models))
    elif mode != "vllm" and engines and not _any_reads({**models, **engines}) and (models or mode == "cpu"):
        yield (NO_ENGINE_READS if models else NO_CPU_ENGINE_READS).format(reasons=_reasons({**models, **engines}))
    else:
        yield from _troubles(workers)
        yield from (f"{name}: {check.detail}." for name, check in models.items() if check.left_alone)


def _troubles(workers: Sequence[LivingWorker]) -> Iterator[str]:
    """Yield what CPU engines cannot do while other engines read."""
    broken = [worker for worker in workers if worker.cpu_engine and worker.cpu_engine.trouble]
    yield from (f"{name}: {check.detail}." for name, check in cpu_engines(broken).items())


def _any_reads(checks: Mapping[str, Check]) -> bool:
    return any(check.ok for check in checks.values())


def _reasons(checks: Mapping[str, Check]) -> str:
    return " ".join(f"{name}: {check.detail}." for name, check in checks.items() if not check.ok)


def _engine_name(reported: ReportedEngine) -> str:
    return reported[1].name


def _checks(reported: list[ReportedEngine]) -> dict[str, Check]:
    return {name: _check(list(those)) for name, those in groupby(sorted(reported, key=_engine_name), key=_engine_name)}


def _check(reported: list[ReportedEngine]) -> Check:
    """Return the state of one engine. If the workers differ, the detail says how many report what, and on which host."""
    hosts: dict[str, Counter[str]] = {}
    for host, engine in reported:
        hosts.setdefault(_describe(engine), Counter())[host] += 1
    detail = (
        next(iter(hosts)) if len(hosts) == 1 else "; ".join(f"{said} ({_hosts_text(at)})" for said, at in sorted(hosts.items()))
    )
    return Check(ok=any(not engine.trouble for _, engine in reported), detail=detail)


def _hosts_text(hosts: Counter[str]) -> str:
    return ", ".join(f"{count} {'worker' if count == 1 else 'workers'} on {host}" for host, count in sorted(hosts.items()))


def _describe(engine: CpuEngine) -> str:
    if engine.trouble:
        return f"cannot read: {engine.trouble}. {engine.advice}"
    return f"{engine.runtime} computes: {engine.reason}" if engine.reason else engine.runtime and f"{engine.runtime} computes"
