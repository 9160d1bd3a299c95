"""Name the codes of electronic invoices that are met most: UNTDID 1001, 4461 and 5305, UN/ECE recommendation 20.

A code that is not here is shown as it is.
"""

from __future__ import annotations

DOCUMENT_TYPES = {
    "80": "Debit note",
    "81": "Credit note",
    "261": "Self-billed credit note",
    "326": "Partial invoice",
    "380": "Invoice",
    "381": "Credit note",
    "384": "Corrected invoice",
    "386": "Prepayment invoice",
    "389": "Self-billed invoice",
    "393": "Factored invoice",
    "396": "Factored credit note",
    "751": "Invoice information",
    "875": "Partial construction invoice",
    "876": "Partial final construction invoice",
    "877": "Final construction invoice",
}
PAYMENT_MEANS = {
    "1": "not defined",
    "10": "cash",
    "20": "cheque",
    "30": "credit transfer",
    "42": "payment to bank account",
    "48": "bank card",
    "49": "direct debit",
    "54": "credit card",
    "55": "debit card",
    "57": "standing agreement",
    "58": "SEPA credit transfer",
    "59": "SEPA direct debit",
    "97": "clearing between partners",
    "ZZZ": "mutually defined",
}
TAX_CATEGORIES = {
    "S": "standard rate",
    "Z": "zero rated",
    "E": "exempt",
    "AE": "reverse charge",
    "K": "intra-community supply",
    "G": "export",
    "O": "not subject to VAT",
    "L": "Canary Islands",
    "M": "Ceuta and Melilla",
}
UNITS = {
    "ANN": "year",
    "C62": "unit",
    "CMT": "cm",
    "DAY": "day",
    "GRM": "g",
    "H87": "piece",
    "HUR": "hour",
    "KGM": "kg",
    "KMT": "km",
    "KWH": "kWh",
    "LS": "lump sum",
    "LTR": "l",
    "MIN": "minute",
    "MMT": "mm",
    "MON": "month",
    "MTK": "m²",
    "MTQ": "m³",
    "MTR": "m",
    "NAR": "item",
    "NPR": "pair",
    "P1": "%",
    "SET": "set",
    "TNE": "t",
    "WEE": "week",
    "XPK": "package",
    "XPP": "piece",
}
SCHEMES = {"VA": "VAT", "FC": "tax office", "0088": "GLN", "0160": "GTIN", "0060": "DUNS", "EM": "e-mail", "9930": "VAT"}
"""Names of schemes of identifiers."""
