"""The table of filters in ``docs/api.md``, from the table of parameters. The rest of the page is written by hand."""

from pathlib import Path

from service.search.parameters import PARAMETERS

_PAGE = Path(__file__).parents[2] / "docs" / "api.md"
_BEGIN, _END = "<!-- filters: make written -->\n", "<!-- end of filters -->\n"


def text() -> str:
    """The whole page, its table made anew."""
    before, begin, rest = _PAGE.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert begin, f"{_PAGE.name} has lost the mark where its table begins"
    assert end, f"{_PAGE.name} has lost the mark where its table ends"
    rows = "".join(f"| `{one.name}` | {one.meaning} |\n" for one in PARAMETERS)
    return f"{before}{begin}| filter | finds |\n|---|---|\n{rows}{end}{after}"
