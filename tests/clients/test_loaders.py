"""Loaders of LangChain, LlamaIndex and Haystack that stand on the clients, pointed at this service."""

from __future__ import annotations

import pytest

from tests.support.client_packages import client_package
from tests.support.documents import encrypted_pdf

service_client = client_package("docling.service_client")
secrets = client_package("haystack.utils")


@pytest.fixture
def docling(served):
    with service_client.DoclingServiceClient(url=served.url, api_key=served.key) as client:
        yield client


def test_langchain_loads_markdown_and_chunks_by_docling(docling, report):
    loaders = client_package("langchain_docling.loader")
    chunkers = client_package("docling_core.transforms.chunker")
    (whole,) = loaders.DoclingLoader(str(report), converter=docling, export_type=loaders.ExportType.MARKDOWN).load()
    assert whole.page_content.startswith("# Quarterly report")
    chunks = loaders.DoclingLoader(str(report), converter=docling, chunker=chunkers.HierarchicalChunker()).load()
    table = next(chunk for chunk in chunks if "Brake lining" in chunk.page_content)
    (item,) = table.metadata["dl_meta"]["doc_items"]
    assert (item["label"], item["prov"][0]["page_no"]) == ("table", 1)


def test_llamaindex_parts_a_docling_document_into_nodes(docling, report):
    parsers = client_package("llama_index.node_parser.docling")
    schema = client_package("llama_index.core.schema")
    document = docling.convert(report).document
    nodes = parsers.DoclingNodeParser().get_nodes_from_documents([schema.Document(text=document.model_dump_json())])
    table = next(node for node in nodes if "Brake lining" in node.text)
    assert table.metadata["headings"] == ["Quarterly report"]
    assert table.metadata["doc_items"][0]["prov"][0]["page_no"] == 1


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_haystack_converts_by_docling(served, report, tmp_path, mode):
    converters = client_package("haystack_integrations.components.converters.docling_serve")
    key = secrets.Secret.from_token(served.key)
    converter = converters.DoclingServeConverter(base_url=served.url, api_key=key, mode=mode, poll_interval=0.2)
    (document,) = converter.run(sources=[report])["documents"]
    assert document.content.startswith("# Quarterly report")
    assert converter.run(sources=[encrypted_pdf(tmp_path / "locked.pdf", "secret")])["documents"] == []


def test_langchain_and_haystack_read_by_azures_client(served, report):
    loaders = client_package("langchain_community.document_loaders.doc_intelligence")
    asked = {"api_endpoint": served.url, "api_key": served.key, "file_path": str(report)}
    (whole,) = loaders.AzureAIDocumentIntelligenceLoader(**asked, mode="markdown").load()
    assert whole.page_content.startswith("# Quarterly report")
    pages = loaders.AzureAIDocumentIntelligenceLoader(**asked, mode="page").load()
    assert [page.metadata["page"] for page in pages] == [1, 2]
    converters = client_package("haystack_integrations.components.converters.azure_doc_intelligence")
    converter = converters.AzureDocumentIntelligenceConverter(
        endpoint=served.url, api_key=secrets.Secret.from_token(served.key)
    )
    (document,) = converter.run(sources=[report])["documents"]
    assert "Brake lining" in document.content
