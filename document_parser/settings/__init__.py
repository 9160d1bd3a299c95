"""Every setting of the product: one frozen tree, read once from the environment and ``.env``.

The only package that reads the environment. A field's environment name is its section's prefix and its own name in capitals;
its description is the sentence that stands beside it in ``.env.example``, which ``python -m document_parser.settings`` writes.
"""

from document_parser.settings.engines import CheckedPages, DeepSeekSettings, EngineSettings, NanonetsSettings, OcrRuntime
from document_parser.settings.example import environment_fields, example_environment
from document_parser.settings.process import (
    cap_threads,
    cores,
    environment_of_child,
    environment_of_opener,
    gunicorn_arguments,
    send_no_statistics,
)
from document_parser.settings.serving import ApiSettings, WebhookSettings
from document_parser.settings.tree import LogSettings, Settings, load_settings
from document_parser.settings.working import QueueSettings, StoreSettings, WorkerSettings

__all__ = [
    "ApiSettings",
    "CheckedPages",
    "DeepSeekSettings",
    "EngineSettings",
    "LogSettings",
    "NanonetsSettings",
    "OcrRuntime",
    "QueueSettings",
    "Settings",
    "StoreSettings",
    "WebhookSettings",
    "WorkerSettings",
    "cap_threads",
    "cores",
    "environment_fields",
    "environment_of_child",
    "environment_of_opener",
    "example_environment",
    "gunicorn_arguments",
    "load_settings",
    "send_no_statistics",
]
