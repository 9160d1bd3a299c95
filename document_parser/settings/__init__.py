"""Read every setting of the product once, from the environment and ``.env``, into one frozen tree.

Settings, the secrets and command lines that depend on them, and the environment of child processes belong here. No other
package reads the environment. A field's environment name is its section's prefix and its own name in capitals. Its description
is the comment in ``.env.example``, which ``python -m document_parser.settings`` writes.
"""

from document_parser.settings.accounts import AccountSettings
from document_parser.settings.engines import (
    CheckedPages,
    DeepSeekSettings,
    EngineSettings,
    ExtractModelSettings,
    ModelSettings,
    NanonetsSettings,
    OcrRuntime,
    VlmSettings,
)
from document_parser.settings.example import environment_fields, example_environment
from document_parser.settings.process import (
    cap_threads,
    cores,
    environment_of_child,
    environment_of_opener,
    gunicorn_arguments,
    name_libarchive,
    named_tessdata_folders,
    send_no_statistics,
)
from document_parser.settings.serving import ApiSettings, FetchSettings, ResultSettings, UploadSettings, WebhookSettings
from document_parser.settings.tree import ErrorReportSettings, LogSettings, Settings, TracingSettings, load_settings
from document_parser.settings.working import ExtractionSettings, QueueSettings, StoreSettings, VirusScanSettings, WorkerSettings

__all__ = [
    "AccountSettings",
    "ApiSettings",
    "CheckedPages",
    "DeepSeekSettings",
    "EngineSettings",
    "ErrorReportSettings",
    "ExtractModelSettings",
    "ExtractionSettings",
    "FetchSettings",
    "LogSettings",
    "ModelSettings",
    "NanonetsSettings",
    "OcrRuntime",
    "QueueSettings",
    "ResultSettings",
    "Settings",
    "StoreSettings",
    "TracingSettings",
    "UploadSettings",
    "VirusScanSettings",
    "VlmSettings",
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
    "name_libarchive",
    "named_tessdata_folders",
    "send_no_statistics",
]
