"""Define the settings that choose engines and say how the models are called."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from document_parser.models import CPU_ENGINES, CpuEngineName, GrammarName
from document_parser.settings.section import Emptiable, Section

OcrRuntime = Literal["auto", "openvino", "onnxruntime"]
"""Library that computes RapidOCR's models; ``auto`` prefers OpenVINO."""
CheckedPages = Literal["auto", "suspicious", "all"]
"""Which pages without a text layer the CPU reads as well, to check a model's answer."""


class EngineSettings(Section):
    """Which engines may read."""

    inference_mode: Literal["auto", "vllm", "cpu"] = Field(
        default="auto",
        description="auto: model servers if they answer, else the CPU; vllm: model servers only; cpu: no model servers.",
    )
    cpu_engine: CpuEngineName = Field(default="rapidocr", description="Engine used without a GPU.")
    cpu_picture_dpi: float = Field(default=108.0, gt=0, description="Resolution in dpi of page images for the CPU engines.")
    cpu_ocr_runtime: OcrRuntime = Field(
        default="auto",
        description="Runtime of RapidOCR's models: openvino or onnxruntime; auto: openvino if it works, else onnxruntime.",
    )
    tesseract_languages: str = Field(
        default="auto", description="Languages for Tesseract, joined by +; auto: the installed ones that fit the page best."
    )
    tesseract_program: Emptiable = Field(
        default="tesseract",
        description="tesseract: its library, else its program; another name or path: that program; empty: not used.",
    )
    tessdata_dir: Emptiable = Field(
        default="", description="Folder of the packs that `docparse languages` brings. Empty: DATA_DIR/tessdata."
    )
    check_image_pages: CheckedPages = Field(
        default="auto",
        description=(
            "Pages without a text layer that the CPU reads too, to check a model: all; auto: a spot check of each page, the "
            "whole page if something does not fit or while cores are idle; suspicious: pages with a suspicious answer. Maximum "
            "mode checks all pages."
        ),
    )
    vllm_api_key: str = Field(default="EMPTY", description="Key sent to the model servers.")
    vllm_connect_seconds: float = Field(default=2.0, gt=0, description="Deadline for reaching a model server.")
    vllm_read_seconds: float = Field(
        default=60.0, gt=0, description="Maximum time in which a model server sends nothing during an answer."
    )
    vllm_request_seconds: float = Field(default=240.0, gt=0, description="Deadline of one answer of a model server.")
    vllm_probe_seconds: float = Field(
        default=5.0, ge=0, description="Time after an answer of a model server for which it counts as available."
    )
    vllm_connect_retries: int = Field(default=2, ge=0, description="Retries on a fresh connection after a connection fault.")
    vllm_breaker_faults: int = Field(
        default=5,
        ge=1,
        description="Faults in a row after which a model server is not used for a while; other engines read the pages.",
    )
    vllm_breaker_seconds: float = Field(
        default=15.0,
        gt=0,
        description="Time until one page tries that server again; doubles at each failure, up to eight times.",
    )
    retry_temperatures: tuple[float, ...] = Field(
        default=(0.2,), description="Temperatures of further attempts by the same model, as a JSON list."
    )

    @property
    def cpu_engines(self) -> tuple[CpuEngineName, ...]:
        """Return the CPU engines that may read; none if all reading is left to the model servers.

        Tesseract follows RapidOCR, because it knows scripts that RapidOCR does not.
        """
        if self.inference_mode == "vllm":
            return ()
        return CPU_ENGINES if self.cpu_engine == "rapidocr" else (self.cpu_engine,)


class ModelSettings(Section):
    """A model behind OpenAI-compatible servers. Subclasses have its ``url`` and its ``model``."""

    url: str
    model: str

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the addresses of the model's servers without duplicates and empty entries."""
        return tuple(dict.fromkeys(url.strip() for url in self.url.split(",") if url.strip()))

    @property
    def is_set(self) -> bool:
        """Return whether there is a model to ask."""
        return bool(self.urls and self.model)


class DeepSeekSettings(ModelSettings):
    """DeepSeek-OCR behind vLLM."""

    model_config = SettingsConfigDict(env_prefix="VLLM_DEEPSEEK_")

    url: Emptiable = Field(
        default="http://127.0.0.1:4444/v1",
        description="OpenAI addresses of DeepSeek-OCR, joined by commas. Empty: it reads no pages.",
    )
    model: str = Field(default="deepseek-ai/DeepSeek-OCR", description="Model name it serves.")
    prompt: str = Field(default="<|grounding|>Convert the document to markdown.", description="Prompt; paraphrases degrade it.")
    max_tokens: int = Field(default=6900, ge=1, description="Maximum tokens of an answer; image and answer share 8192 tokens.")
    temperature: float = Field(default=0.0, ge=0, description="Temperature of the first attempt.")
    ngram_size: int = Field(
        default=30, ge=1, description="Length of the n-grams whose repetition its logits processor forbids."
    )
    window_size: int = Field(default=90, ge=1, description="Tokens in which such a repetition is forbidden.")
    whitelist_token_ids: tuple[int, ...] = Field(
        default=(128821, 128822), description="Tokens that may repeat (<td> and </td>), as a JSON list."
    )
    picture_dpi: float = Field(default=144.0, gt=0, description="Resolution of page images in dpi.")
    picture_long_side: int = Field(default=1664, ge=64, description="Maximum of the longer side of page images, in pixels.")


class NanonetsSettings(ModelSettings):
    """Nanonets-OCR2-3B behind vLLM."""

    model_config = SettingsConfigDict(env_prefix="VLLM_NANONETS_")

    url: Emptiable = Field(
        default="http://127.0.0.1:4445/v1",
        description="OpenAI addresses of Nanonets-OCR2-3B, joined by commas. Empty: it reads no pages.",
    )
    model: str = Field(default="nanonets/Nanonets-OCR2-3B", description="Model name it serves.")
    prompt: str = Field(
        default=(
            "Extract the text from the above document as if you were reading it naturally. Return the tables in html format. "
            "Return the equations in LaTeX representation. If there is an image in the document and image caption is not "
            "present, add a small description of the image inside the <img></img> tag; otherwise, add the image caption "
            "inside <img></img>. Watermarks should be wrapped in brackets. Ex: <watermark>OFFICIAL COPY</watermark>. Page "
            "numbers should be wrapped in brackets. Ex: <page_number>14</page_number> or <page_number>9/22</page_number>. "
            "Prefer using ☐ and ☑ for check boxes."
        ),
        description="Prompt of the model's card.",
    )
    figures_prompt: str = Field(
        default="Only return HTML table within <table></table>.",
        description="Appended to the prompt of pages that are mostly tables of figures, as in the model's card.",
    )
    max_tokens: int = Field(default=15000, ge=1, description="Maximum tokens of an answer.")
    temperature: float = Field(default=0.0, ge=0, description="Temperature of the first attempt.")
    repetition_penalty: float = Field(
        default=1.0, gt=0, description="Sent with each request, because the model's own 1.05 harms tables."
    )
    picture_dpi: float = Field(default=200.0, gt=0, description="Resolution of page images in dpi.")
    picture_long_side: int = Field(default=2048, ge=64, description="Maximum of the longer side of page images, in pixels.")
    picture_short_side: int = Field(
        default=1280, ge=0, description="Small page images are enlarged to this length of the shorter side, in pixels."
    )
    picture_fine_side: int = Field(
        default=1536, ge=0, description="The same for tables of figures and handwriting, up to the maximum of the longer side."
    )


class VlmSettings(ModelSettings):
    """Any other model that reads pages, described by these settings alone; docs/engines.md has recipes."""

    model_config = SettingsConfigDict(env_prefix="VLLM_VLM_")

    url: Emptiable = Field(
        default="", description="OpenAI addresses of another model that reads pages, joined by commas. Empty: there is none."
    )
    model: Emptiable = Field(default="", description="Model name it serves, such as datalab-to/chandra-ocr-2. Empty: not used.")
    grammar: GrammarName = Field(
        default="markdown",
        description="Form of its answers: markdown, html (with boxes), chandra, lighton, paddleocr_vl, dots_mocr or mineru.",
    )
    order: Literal["first", "last"] = Field(
        default="first", description="Whether it is asked before the other models or after them."
    )
    api_key: Emptiable = Field(default="", description="Key sent to it. Empty: VLLM_API_KEY.")
    prompt: Emptiable = Field(
        default="", description="Prompt sent after the image. Empty: that of the grammar's model; none: the image alone."
    )
    max_tokens: int = Field(default=8192, ge=16, description="Maximum tokens of an answer.")
    temperature: float = Field(default=0.0, ge=0, description="Temperature of the first attempt.")
    extra: dict[str, Any] = Field(
        default={}, description='Further fields of each request, as a JSON object, such as {"top_p": 0.9}.'
    )
    picture_dpi: float = Field(
        default=0.0, ge=0, description="Resolution of page images in dpi. 0: that of the grammar's model."
    )
    picture_long_side: int = Field(
        default=0, ge=0, description="Maximum of the longer side of page images, in pixels. 0: that of the grammar's model."
    )
    picture_short_side: int = Field(
        default=0, ge=0, description="Small page images are enlarged to this shorter side. 0: that of the grammar's model."
    )
    picture_max_pixels: int = Field(
        default=0, ge=0, description="Maximum of width times height of page images. 0: that of the grammar's model."
    )
    picture_multiple: int = Field(
        default=0, ge=0, description="Both sides of page images are multiples of this. 0: that of the grammar's model."
    )
    box_scale: int = Field(
        default=0, ge=0, description="Largest coordinate of its boxes, such as 1000 or 1024. 0: that of the grammar's model."
    )
    region_requests: int = Field(
        default=8, ge=1, description="Regions of one page that are read at once, with the grammar mineru."
    )


class ExtractModelSettings(ModelSettings):
    """A model that fills schemas, behind any OpenAI-compatible server."""

    model_config = SettingsConfigDict(env_prefix="VLLM_EXTRACT_")

    url: Emptiable = Field(
        default="",
        description="OpenAI addresses of a model that fills schemas, joined by commas. Empty: no model is asked for values.",
    )
    model: Emptiable = Field(default="", description="Model name it serves, such as numind/NuExtract3. Empty: it is not asked.")
    api_key: Emptiable = Field(default="", description="Key sent to it. Empty: VLLM_API_KEY.")
    prompt_format: Literal["auto", "schema", "nuextract"] = Field(
        default="auto",
        description="How it is asked: schema: in words, with a schema; nuextract: by NuExtract's template; auto: by its name.",
    )
    pictures: bool = Field(default=True, description="Whether it is sent the image of each page beside its text.")
    picture_dpi: float = Field(default=144.0, gt=0, description="Resolution of page images in dpi.")
    picture_long_side: int = Field(default=1664, ge=64, description="Maximum of the longer side of page images, in pixels.")
    max_tokens: int = Field(default=4096, ge=16, description="Maximum tokens of one answer; of a longer one the rest is asked.")
    temperature: float = Field(default=0.0, ge=0, description="Temperature.")
    request_seconds: float = Field(default=120.0, gt=0, description="Deadline of one answer.")
    concurrency: int = Field(default=4, ge=1, description="Requests that one extraction keeps in flight.")
    max_requests: int = Field(
        default=400, ge=1, description="Maximum requests of one extraction; what is left then is found without the model."
    )
    extra: dict[str, Any] = Field(
        default={}, description="Further fields of each request, as a JSON object, such as a repetition_penalty."
    )

    @property
    def uses_template(self) -> bool:
        """Return whether the model is asked by NuExtract's template."""
        return self.prompt_format == "nuextract" or (self.prompt_format == "auto" and "nuextract" in self.model.lower())
