"""Currencies and how many decimals they have: ISO 4217, list one, as of 2025.

A leaf: the settings check what is written there with it.
"""

from __future__ import annotations

import re

from gateway.compare.paths import path_fault

_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN
BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP
GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP
LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR
NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN
SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER
ZAR ZMW ZWG
"""
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_EXPONENTS = {
    code: exponent
    for exponent, codes in ((0, _NONE), (2, _TWO), (3, _THREE), (4, _FOUR))
    for code in codes.split()
}
_CODE = re.compile(r"[A-Za-z]{3}")


def exponent_of(currency: str) -> int | None:
    """How many decimals its minor unit has: 2 for EUR, 0 for JPY; None if it is not known."""
    return _EXPONENTS.get(currency)


def currency_fault(text: str) -> str | None:
    """What is wrong with a currency, or the path to one."""
    if text.startswith("$"):
        return path_fault(text)
    if not _CODE.fullmatch(text):
        return ""
    if text != text.upper():
        return f'did you mean "{text.upper()}"?'
    return None if text in _EXPONENTS else "that is none of its codes"
