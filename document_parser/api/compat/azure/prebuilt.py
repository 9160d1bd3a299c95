"""The prebuilt models: which of our schemas fills each, and how Azure names and types its fields.

Source: https://github.com/Azure-Samples/document-intelligence-code-samples, schema of 2024-11-30.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FieldKind = Literal["string", "date", "number", "integer", "currency", "address", "boolean", "array"]
"""The types of fields that our schemas fill."""


@dataclass(frozen=True, slots=True)
class FieldMap:
    """A field of Azure's: the key of our schema that has its value, its type, and the fields of each of its entries."""

    key: str
    kind: FieldKind = "string"
    items: dict[str, FieldMap] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prebuilt:
    """A model: what it is for, the type of its documents, our schema, and its fields. Without a schema it only reads."""

    description: str
    doc_type: str = ""
    schema: str = ""
    fields: dict[str, FieldMap] = field(default_factory=dict)


_INVOICE = {
    "InvoiceId": FieldMap("invoice_number"),
    "InvoiceDate": FieldMap("issue_date", "date"),
    "DueDate": FieldMap("due_date", "date"),
    "ServiceDate": FieldMap("delivery_date", "date"),
    "PurchaseOrder": FieldMap("order_number"),
    "CustomerId": FieldMap("customer_number"),
    "VendorName": FieldMap("seller_name"),
    "VendorAddress": FieldMap("seller_address", "address"),
    "VendorTaxId": FieldMap("seller_vat_id"),
    "CustomerName": FieldMap("buyer_name"),
    "CustomerAddress": FieldMap("buyer_address", "address"),
    "CustomerTaxId": FieldMap("buyer_vat_id"),
    "SubTotal": FieldMap("tax_basis_total", "currency"),
    "TotalTax": FieldMap("tax_total", "currency"),
    "InvoiceTotal": FieldMap("grand_total", "currency"),
    "AmountDue": FieldMap("due_payable", "currency"),
    "Items": FieldMap(
        "lines",
        "array",
        {
            "ProductCode": FieldMap("item_code"),
            "Description": FieldMap("name"),
            "Quantity": FieldMap("quantity", "number"),
            "UnitPrice": FieldMap("unit_price", "currency"),
            "TaxRate": FieldMap("tax_rate"),
            "Amount": FieldMap("line_total", "currency"),
        },
    ),
}
_RECEIPT = {
    "MerchantName": FieldMap("company"),
    "MerchantAddress": FieldMap("address", "address"),
    "TransactionDate": FieldMap("date", "date"),
    "Total": FieldMap("total", "currency"),
    "TotalTax": FieldMap("tax_total", "currency"),
    "Items": FieldMap(
        "lines",
        "array",
        {
            "Description": FieldMap("name"),
            "Quantity": FieldMap("quantity", "number"),
            "Price": FieldMap("unit_price", "currency"),
            "TotalPrice": FieldMap("line_total", "currency"),
        },
    ),
}
_CONTRACT = {
    "Title": FieldMap("title"),
    "ContractId": FieldMap("contract_number"),
    "EffectiveDate": FieldMap("effective_date", "date"),
    "ExpirationDate": FieldMap("end_date", "date"),
}
PREBUILT: dict[str, Prebuilt] = {
    "prebuilt-read": Prebuilt("Extract text from documents."),
    "prebuilt-layout": Prebuilt("Extract text and layout information from documents."),
    "prebuilt-invoice": Prebuilt("Extract key information from invoices.", "invoice", "invoice", _INVOICE),
    "prebuilt-receipt": Prebuilt("Extract key information from receipts.", "receipt", "receipt", _RECEIPT),
    "prebuilt-contract": Prebuilt("Extract key information from contracts.", "contract", "contract", _CONTRACT),
}
"""The models by their ids."""
