"""Say where the terms of an electronic invoice are in the two syntaxes of EN 16931: CII D16B (also ZUGFeRD 1) and UBL 2.1.

A path is of local names; ``|`` separates alternatives. What no term names is shown beside its section all the same.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Syntax = Literal["cii", "ubl"]
"""The two syntaxes."""


class Term(NamedTuple):
    """A value with its label, and its paths below the section."""

    label: str
    cii: str
    ubl: str

    def paths(self, syntax: Syntax) -> list[str]:
        """Return the paths in a syntax; empty if it has none."""
        return [path for path in (self.cii if syntax == "cii" else self.ubl).split("|") if path]


class Section(NamedTuple):
    """A part of an invoice: its heading, where its elements are, its values, and whether each element is a row of a table."""

    heading: str
    cii: str
    ubl: str
    terms: tuple[Term, ...]
    is_table: bool = False

    def paths(self, syntax: Syntax) -> list[str]:
        """Return the paths of the elements in a syntax, below the root. An empty path is the root."""
        return (self.cii if syntax == "cii" else self.ubl).split("|")


_AGREEMENT = "SupplyChainTradeTransaction/ApplicableHeaderTradeAgreement"
_DELIVERY = "SupplyChainTradeTransaction/ApplicableHeaderTradeDelivery"
_SETTLEMENT = "SupplyChainTradeTransaction/ApplicableHeaderTradeSettlement"
NAMES_OF_CII = {
    "SpecifiedExchangedDocumentContext": "ExchangedDocumentContext",
    "HeaderExchangedDocument": "ExchangedDocument",
    "SpecifiedSupplyChainTradeTransaction": "SupplyChainTradeTransaction",
    "ApplicableSupplyChainTradeAgreement": "ApplicableHeaderTradeAgreement",
    "ApplicableSupplyChainTradeDelivery": "ApplicableHeaderTradeDelivery",
    "ApplicableSupplyChainTradeSettlement": "ApplicableHeaderTradeSettlement",
    "SpecifiedSupplyChainTradeAgreement": "SpecifiedLineTradeAgreement",
    "SpecifiedSupplyChainTradeDelivery": "SpecifiedLineTradeDelivery",
    "SpecifiedSupplyChainTradeSettlement": "SpecifiedLineTradeSettlement",
    "SpecifiedTradeSettlementMonetarySummation": "MonetarySummation",
    "SpecifiedTradeSettlementHeaderMonetarySummation": "MonetarySummation",
    "SpecifiedTradeSettlementLineMonetarySummation": "MonetarySummation",
    "ApplicablePercent": "RateApplicablePercent",
}
"""Names of elements of ZUGFeRD 1 by those of CII D16B, and the sums of lines and invoices by one name."""


HEAD = Section(
    "",
    "",
    "",
    (
        Term("Name", "ExchangedDocument/Name", ""),
        Term("Issue date", "ExchangedDocument/IssueDateTime/DateTimeString", "IssueDate"),
        Term("Due date", f"{_SETTLEMENT}/SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString", "DueDate"),
        Term("Currency", f"{_SETTLEMENT}/InvoiceCurrencyCode", "DocumentCurrencyCode"),
        Term("Currency of the tax", f"{_SETTLEMENT}/TaxCurrencyCode", "TaxCurrencyCode"),
        Term("Buyer's reference", f"{_AGREEMENT}/BuyerReference", "BuyerReference"),
        Term("Order", f"{_AGREEMENT}/BuyerOrderReferencedDocument/IssuerAssignedID", "OrderReference/ID"),
        Term("Seller's order", f"{_AGREEMENT}/SellerOrderReferencedDocument/IssuerAssignedID", "OrderReference/SalesOrderID"),
        Term("Contract", f"{_AGREEMENT}/ContractReferencedDocument/IssuerAssignedID", "ContractDocumentReference/ID"),
        Term("Project", f"{_AGREEMENT}/SpecifiedProcuringProject/ID", "ProjectReference/ID"),
        Term(
            "Delivery note",
            f"{_DELIVERY}/DespatchAdviceReferencedDocument/IssuerAssignedID|"
            f"{_DELIVERY}/DeliveryNoteReferencedDocument/IssuerAssignedID",
            "DespatchDocumentReference/ID",
        ),
        Term(
            "Delivered on",
            f"{_DELIVERY}/ActualDeliverySupplyChainEvent/OccurrenceDateTime/DateTimeString",
            "Delivery/ActualDeliveryDate",
        ),
        Term("Period from", f"{_SETTLEMENT}/BillingSpecifiedPeriod/StartDateTime/DateTimeString", "InvoicePeriod/StartDate"),
        Term("Period to", f"{_SETTLEMENT}/BillingSpecifiedPeriod/EndDateTime/DateTimeString", "InvoicePeriod/EndDate"),
        Term(
            "Earlier invoice",
            f"{_SETTLEMENT}/InvoiceReferencedDocument/IssuerAssignedID",
            "BillingReference/InvoiceDocumentReference/ID",
        ),
        Term(
            "Date of the earlier invoice",
            f"{_SETTLEMENT}/InvoiceReferencedDocument/FormattedIssueDateTime/DateTimeString",
            "BillingReference/InvoiceDocumentReference/IssueDate",
        ),
        Term("Payment reference", f"{_SETTLEMENT}/PaymentReference", ""),
        Term("Creditor's reference", f"{_SETTLEMENT}/CreditorReferenceID", ""),
        Term("Buyer's account", f"{_SETTLEMENT}/ReceivableSpecifiedTradeAccountingAccount/ID", "AccountingCost"),
    ),
)
"""The facts of the whole invoice, below its heading."""
NUMBER = Term("", "ExchangedDocument/ID", "ID")
"""The number of the invoice."""
TYPE = Term("", "ExchangedDocument/TypeCode", "InvoiceTypeCode|CreditNoteTypeCode")
"""The code of its type."""
PROFILE = Term(
    "Specification",
    "ExchangedDocumentContext/GuidelineSpecifiedDocumentContextParameter/ID",
    "CustomizationID",
)
"""The specification that the invoice follows."""
NOTES = Term("", "ExchangedDocument/IncludedNote/Content", "Note")
"""Texts of the whole invoice."""
_PARTY = (
    Term("Name", "Name", "PartyLegalEntity/RegistrationName"),
    Term("Trading name", "SpecifiedLegalOrganization/TradingBusinessName", "PartyName/Name"),
    Term("Number", "ID|GlobalID", "PartyIdentification/ID"),
    Term(
        "Address",
        "PostalTradeAddress/LineOne|PostalTradeAddress/LineTwo|PostalTradeAddress/LineThree|"
        "PostalTradeAddress/PostcodeCode|"
        "PostalTradeAddress/CityName|PostalTradeAddress/CountrySubDivisionName|"
        "PostalTradeAddress/CountryID",
        "PostalAddress/StreetName|PostalAddress/AdditionalStreetName|"
        "PostalAddress/AddressLine/Line|PostalAddress/PostalZone|"
        "PostalAddress/CityName|PostalAddress/CountrySubentity|PostalAddress/Country/IdentificationCode",
    ),
    Term("Tax number", "SpecifiedTaxRegistration/ID", "PartyTaxScheme/CompanyID"),
    Term("Registration", "SpecifiedLegalOrganization/ID", "PartyLegalEntity/CompanyID"),
    Term("Legal form", "Description", "PartyLegalEntity/CompanyLegalForm"),
    Term("Contact", "DefinedTradeContact/PersonName|DefinedTradeContact/DepartmentName", "Contact/Name"),
    Term("Telephone", "DefinedTradeContact/TelephoneUniversalCommunication/CompleteNumber", "Contact/Telephone"),
    Term("E-mail", "DefinedTradeContact/EmailURIUniversalCommunication/URIID", "Contact/ElectronicMail"),
    Term("Electronic address", "URIUniversalCommunication/URIID", "EndpointID"),
)
_ALLOWANCE = (
    Term("Kind", "ChargeIndicator/Indicator", "ChargeIndicator"),
    Term("Reason", "Reason|Description", "AllowanceChargeReason"),
    Term("Base", "BasisAmount", "BaseAmount"),
    Term("Percent", "CalculationPercent", "MultiplierFactorNumeric"),
    Term("Amount", "ActualAmount|AppliedAmount", "Amount"),
    Term(
        "Tax",
        "CategoryTradeTax/TypeCode|AppliedTradeTax/TypeCode|CategoryTradeTax/CategoryCode|AppliedTradeTax/CategoryCode",
        "TaxCategory/TaxScheme/ID|TaxCategory/ID",
    ),
    Term("Tax rate", "CategoryTradeTax/RateApplicablePercent|AppliedTradeTax/RateApplicablePercent", "TaxCategory/Percent"),
)
_PRODUCT = "SpecifiedTradeProduct"
_LINE_SETTLEMENT = "SpecifiedLineTradeSettlement"
_LINE_AGREEMENT = "SpecifiedLineTradeAgreement"
SECTIONS = (
    Section("Seller", f"{_AGREEMENT}/SellerTradeParty", "AccountingSupplierParty/Party", _PARTY),
    Section("Buyer", f"{_AGREEMENT}/BuyerTradeParty", "AccountingCustomerParty/Party", _PARTY),
    Section("Tax representative", f"{_AGREEMENT}/SellerTaxRepresentativeTradeParty", "TaxRepresentativeParty", _PARTY),
    Section("Payee", f"{_SETTLEMENT}/PayeeTradeParty", "PayeeParty", _PARTY),
    Section("Invoicee", f"{_SETTLEMENT}/InvoiceeTradeParty", "", _PARTY),
    Section(
        "Delivery",
        f"{_DELIVERY}/ShipToTradeParty",
        "Delivery",
        (
            *_PARTY,
            Term("Name", "", "DeliveryParty/PartyName/Name"),
            Term("Number", "", "DeliveryLocation/ID"),
            Term(
                "Address",
                "",
                "DeliveryLocation/Address/StreetName|DeliveryLocation/Address/AdditionalStreetName|"
                "DeliveryLocation/Address/AddressLine/Line|DeliveryLocation/Address/PostalZone|"
                "DeliveryLocation/Address/CityName|"
                "DeliveryLocation/Address/CountrySubentity|DeliveryLocation/Address/Country/IdentificationCode",
            ),
        ),
    ),
    Section(
        "Lines",
        "SupplyChainTradeTransaction/IncludedSupplyChainTradeLineItem",
        "InvoiceLine|CreditNoteLine",
        (
            Term("Line", "AssociatedDocumentLineDocument/LineID", "ID"),
            Term("Number", f"{_PRODUCT}/SellerAssignedID", "Item/SellersItemIdentification/ID"),
            Term("Buyer's number", f"{_PRODUCT}/BuyerAssignedID", "Item/BuyersItemIdentification/ID"),
            Term("Standard number", f"{_PRODUCT}/GlobalID", "Item/StandardItemIdentification/ID"),
            Term("Item", f"{_PRODUCT}/Name", "Item/Name"),
            Term("Description", f"{_PRODUCT}/Description", "Item/Description"),
            Term("Note", "AssociatedDocumentLineDocument/IncludedNote/Content", "Note"),
            Term("Quantity", "SpecifiedLineTradeDelivery/BilledQuantity", "InvoicedQuantity|CreditedQuantity"),
            Term("Price", f"{_LINE_AGREEMENT}/NetPriceProductTradePrice/ChargeAmount", "Price/PriceAmount"),
            Term("per", f"{_LINE_AGREEMENT}/NetPriceProductTradePrice/BasisQuantity", "Price/BaseQuantity"),
            Term(
                "Gross price", f"{_LINE_AGREEMENT}/GrossPriceProductTradePrice/ChargeAmount", "Price/AllowanceCharge/BaseAmount"
            ),
            Term(
                "Tax",
                f"{_LINE_SETTLEMENT}/ApplicableTradeTax/TypeCode|{_LINE_SETTLEMENT}/ApplicableTradeTax/CategoryCode",
                "Item/ClassifiedTaxCategory/TaxScheme/ID|Item/ClassifiedTaxCategory/ID",
            ),
            Term(
                "Tax rate", f"{_LINE_SETTLEMENT}/ApplicableTradeTax/RateApplicablePercent", "Item/ClassifiedTaxCategory/Percent"
            ),
            Term("Amount", f"{_LINE_SETTLEMENT}/MonetarySummation/LineTotalAmount", "LineExtensionAmount"),
        ),
        is_table=True,
    ),
    Section(
        "Allowances and charges",
        f"{_SETTLEMENT}/SpecifiedTradeAllowanceCharge|{_SETTLEMENT}/SpecifiedLogisticsServiceCharge",
        "AllowanceCharge",
        _ALLOWANCE,
        is_table=True,
    ),
    Section(
        "Tax",
        f"{_SETTLEMENT}/ApplicableTradeTax",
        "TaxTotal/TaxSubtotal",
        (
            Term("Category", "TypeCode|CategoryCode", "TaxCategory/TaxScheme/ID|TaxCategory/ID"),
            Term("Rate", "RateApplicablePercent", "TaxCategory/Percent"),
            Term("Base", "BasisAmount", "TaxableAmount"),
            Term("Tax", "CalculatedAmount", "TaxAmount"),
            Term("Reason of exemption", "ExemptionReason", "TaxCategory/TaxExemptionReason"),
        ),
        is_table=True,
    ),
    Section(
        "Totals",
        f"{_SETTLEMENT}/MonetarySummation",
        "LegalMonetaryTotal",
        (
            Term("Lines", "LineTotalAmount", "LineExtensionAmount"),
            Term("Allowances", "AllowanceTotalAmount", "AllowanceTotalAmount"),
            Term("Charges", "ChargeTotalAmount", "ChargeTotalAmount"),
            Term("Total without tax", "TaxBasisTotalAmount", "TaxExclusiveAmount"),
            Term("Tax", "TaxTotalAmount", ""),
            Term("Total with tax", "GrandTotalAmount", "TaxInclusiveAmount"),
            Term("Paid before", "TotalPrepaidAmount", "PrepaidAmount"),
            Term("Rounding", "RoundingAmount", "PayableRoundingAmount"),
            Term("Amount due", "DuePayableAmount", "PayableAmount"),
        ),
    ),
    Section("Sum of the tax", "", "TaxTotal", (Term("Tax", "", "TaxAmount"),)),
    Section(
        "Payment",
        f"{_SETTLEMENT}/SpecifiedTradeSettlementPaymentMeans",
        "PaymentMeans",
        (
            Term("Means", "TypeCode", "PaymentMeansCode"),
            Term("Information", "Information", "InstructionNote"),
            Term(
                "Account",
                "PayeePartyCreditorFinancialAccount/IBANID|PayeePartyCreditorFinancialAccount/ProprietaryID",
                "PayeeFinancialAccount/ID",
            ),
            Term("Account holder", "PayeePartyCreditorFinancialAccount/AccountName", "PayeeFinancialAccount/Name"),
            Term(
                "BIC", "PayeeSpecifiedCreditorFinancialInstitution/BICID", "PayeeFinancialAccount/FinancialInstitutionBranch/ID"
            ),
            Term("Payer's account", "PayerPartyDebtorFinancialAccount/IBANID", "PaymentMandate/PayerFinancialAccount/ID"),
            Term("Reference", "", "PaymentID"),
            Term("Mandate", "", "PaymentMandate/ID"),
        ),
    ),
    Section(
        "Terms of payment",
        f"{_SETTLEMENT}/SpecifiedTradePaymentTerms",
        "PaymentTerms",
        (
            Term("Terms", "Description", "Note"),
            Term("Mandate", "DirectDebitMandateID", ""),
        ),
    ),
)
"""The sections in the order in which they are shown."""
