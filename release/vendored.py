"""What others wrote and the page has a copy of: which version, under which licence, and the digest of the copy."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class VendoredPackage:
    """A package of npm. ``sha256`` is that of the file at ``path`` in the project; "" where it is part of another's."""

    name: str
    version: str
    license: str
    path: str
    sha256: str = ""


_MARKDOWN: Final = "service/inspector/page/vendor/markdown-it.mjs"
VENDORED: Final = (
    VendoredPackage(
        "markdown-it",
        "15.0.3",
        "MIT",
        _MARKDOWN,
        "d5432491790141da046b1197353705db03264f40b5727f3b4b591f5aba193e30",
    ),
    VendoredPackage("entities", "8.1.0", "BSD-2-Clause", _MARKDOWN),
    VendoredPackage("linkify-it", "6.1.0", "MIT", _MARKDOWN),
    VendoredPackage("mdurl", "2.1.0", "MIT", _MARKDOWN),
    VendoredPackage("punycode.js", "2.3.1", "MIT", _MARKDOWN),
    VendoredPackage("uc.micro", "3.0.0", "MIT", _MARKDOWN),
)
