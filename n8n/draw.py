"""``make pictures``: draw each workflow into ``pictures/``, much as n8n's editor shows it.

A workflow that is in ``workflows/`` and in ``workflows-with-nodes/`` is drawn as in the first.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from n8n.icons import KINDS, Kind

N8N = Path(__file__).parent
# n8n's editor counts in pixels of its own. Half of them leave eight nodes in a row as wide as a page of text, and a
# little more than half downwards leaves room for the names.
_ACROSS, _DOWN = 0.5, 0.62
_SIZE, _WIDE = 56, 156
_WAY_BACK = 28
_MARGIN, _TEXT_WIDTH = 34, 108
_NAME, _TYPE = 13, 11
_LINE_HEIGHT = {_NAME: 16, _TYPE: 14}
# The later one is drawn where both have a workflow.
_FOLDERS = ("workflows-with-nodes", "workflows")
_ADDRESS_OF_OLLAMA = "={{ $('Settings').first().json.ollama }}/"
_PLUGS = {"ai_languageModel": "Model", "ai_memory": "Memory"}
_STYLE = """
svg{--canvas:#fafbfc;--edge:#d5dae1;--dot:#dfe3e9;--box:#fff;--ink:#1d2430;--soft:#5b6675;--wire:#98a2b0;
--start:#b35c00;--data:#1f6fb2;--call:#13795b;--ai:#7046b8;--flow:#58636f;--kept:#d1242f}
@media (prefers-color-scheme:dark){svg{--canvas:#12161c;--edge:#2c343f;--dot:#242b35;--box:#1c222b;--ink:#e8ecf2;
--soft:#9aa6b5;--wire:#6b7686;--start:#f0a04b;--data:#6cb2ee;--call:#4cc39a;--ai:#b292f0;--flow:#a7b2c0;--kept:#ff6b6b}}
text{font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;text-anchor:middle}
.name{font-size:13px;font-weight:600;fill:var(--ink)}.type{font-size:11px;fill:var(--soft)}
.inside{text-anchor:start}.wire{fill:none;stroke:var(--wire);stroke-width:1.8}.ai{stroke-dasharray:4 4}
.box{fill:var(--box);stroke-width:1.8}.icon{fill:none;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}
"""


@dataclass(frozen=True, slots=True)
class Box:
    """One node: its place in the picture, in pixels. ``inputs`` are the kinds of what is plugged in from below."""

    name: str
    kind: Kind
    x: int
    y: int
    is_plugged_in: bool
    is_recorded: bool
    inputs: tuple[str, ...]

    @property
    def width(self) -> int:
        return _WIDE if self.inputs else _SIZE

    @property
    def middle(self) -> int:
        return self.x + self.width // 2

    @property
    def texts(self) -> list[tuple[str, int]]:
        """What stands under the box, line by line, with its size; a wide box has it inside."""
        if self.inputs:
            return []
        said = [] if self.kind.title == self.name else [(self.kind.title, _TYPE)]
        return [(line, _NAME) for line in _wrapped(self.name, _NAME)] + said

    @property
    def bottom(self) -> int:
        return self.y + _SIZE + sum(_LINE_HEIGHT[size] for _, size in self.texts) + 4


@dataclass(frozen=True, slots=True)
class Wire:
    """What leads from one node to another: from which of how many outputs, and of which kind (``main`` or ``ai_…``)."""

    source: Box
    target: Box
    kind: str
    output: int
    outputs: int


def picture(workflow: Mapping[str, Any]) -> str:
    """The workflow as an SVG for light and dark pages."""
    boxes = _boxes(workflow)
    wires = list(_wires(workflow, boxes))
    left, right = min(box.x for box in boxes.values()), max(box.x + box.width for box in boxes.values())
    top, bottom = min(box.y for box in boxes.values()), max(box.bottom for box in boxes.values())
    if any(_leads_back(wire) for wire in wires):
        right, bottom = right + _WAY_BACK, bottom + 22
    width, height = right - left + 2 * _MARGIN, bottom - top + 2 * _MARGIN - 12
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="{left - _MARGIN} {top - _MARGIN + 6} {width} {height}" role="img">',
        f"<title>{escape(workflow['name'])}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><pattern id="dots" width="16" height="16" patternUnits="userSpaceOnUse">'
        '<circle cx="8" cy="8" r="1" fill="var(--dot)"/></pattern>',
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"'
        ' markerUnits="userSpaceOnUse"><path d="M0 0 8 4 0 8z" fill="var(--wire)"/></marker></defs>',
        *(
            f'<rect x="{left - _MARGIN + 0.5}" y="{top - _MARGIN + 6.5}" width="{width - 1}" height="{height - 1}"'
            f' rx="10" fill="{fill}" stroke="var(--edge)"/>'
            for fill in ("var(--canvas)", "url(#dots)")
        ),
        *(line for wire in wires for line in _drawn_wire(wire, bottom)),
        *(line for box in boxes.values() for line in _drawn_box(box)),
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


def pictures() -> dict[str, str]:
    """Each file's name in ``pictures/`` and what belongs into it."""
    paths = {path.stem: path for folder in _FOLDERS for path in sorted((N8N / folder).glob("*.json"))}
    return {f"{slug}.svg": picture(json.loads(path.read_text(encoding="utf-8"))) for slug, path in paths.items()}


def _boxes(workflow: Mapping[str, Any]) -> dict[str, Box]:
    plugged_in: dict[str, str] = {}
    inputs: dict[str, list[str]] = {}
    for source, kind, _, end in _connections(workflow):
        if kind != "main":
            plugged_in[source] = kind
            inputs.setdefault(end, []).append(kind)
    made = {}
    for node in workflow["nodes"]:
        name, kind = node["name"], node["type"].rpartition(".")[2]
        if kind == "stickyNote":
            continue
        x, y = node["position"]
        given = node["parameters"]
        asks = given.get("url", "").startswith(_ADDRESS_OF_OLLAMA) or kind == "lmChatOllama"
        asks = asks or (kind == "ollamaRecorder" and given["resource"] == "model")
        place = (round(x * _ACROSS), round(y * _DOWN))
        made[name] = Box(name, KINDS[kind], *place, name in plugged_in, asks, tuple(inputs.get(name, ())))
    return made


def _connections(workflow: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[int, int], str]]:
    """Source, kind, which output of how many, and target of every connection."""
    for source, kinds in workflow["connections"].items():
        for kind, outputs in kinds.items():
            for number, ends in enumerate(outputs):
                for end in ends:
                    yield source, kind, (number, len(outputs)), end["node"]


def _wires(workflow: Mapping[str, Any], boxes: Mapping[str, Box]) -> Iterator[Wire]:
    for source, kind, (output, outputs), target in _connections(workflow):
        yield Wire(boxes[source], boxes[target], kind, output, outputs)


def _leads_back(wire: Wire) -> bool:
    return wire.kind == "main" and wire.target.x <= wire.source.x


def _drawn_wire(wire: Wire, bottom: int) -> Iterator[str]:
    if wire.kind != "main":
        yield from _drawn_plug(wire)
        return
    source, target = wire.source, wire.target
    out_x, out_y = source.x + source.width, source.y + _SIZE * (wire.output + 1) // (wire.outputs + 1)
    in_x, in_y = target.x - 2, target.y + _SIZE // 2
    if _leads_back(wire):
        low, up, r = bottom - 4, target.x - 27, 10
        way = (
            f"h{_WAY_BACK - r}q{r} 0 {r} {r}V{low - r}q0 {r}-{r} {r}H{up + r}q-{r} 0-{r}-{r}"
            f"V{in_y + r}q0-{r} {r}-{r}H{in_x}"
        )
    else:
        half = max(24, (in_x - out_x) // 2)
        way = f"C{out_x + half} {out_y} {in_x - half} {in_y} {in_x} {in_y}"
    yield f'<path class="wire" marker-end="url(#tip)" d="M{out_x} {out_y}{way}"/>'
    if wire.outputs > 1:
        # The curves part from each other; between them there is room.
        x, y = (out_x + 14, out_y + 4) if wire.output == 0 else (out_x + 20, out_y + 7)
        yield f'<text class="type inside" x="{x}" y="{y}">{source.kind.outputs[wire.output]}</text>'


def _drawn_plug(wire: Wire) -> Iterator[str]:
    """A model or a memory is plugged in from below."""
    source, target = wire.source, wire.target
    x = target.x + target.width * (target.inputs.index(wire.kind) + 1) // (len(target.inputs) + 1)
    begin, end = source.y, target.y + _SIZE
    bend = (begin - end) // 2
    curve = f"M{source.middle} {begin}C{source.middle} {begin - bend} {x} {end + bend} {x} {end + 4}"
    yield f'<path class="wire ai" d="{curve}"/>'
    yield f'<path d="M{x - 5} {end + 1}l5-6 5 6-5 6z" fill="var(--wire)"/>'
    yield f'<text class="type inside" x="{x + 9}" y="{end + 17}">{_PLUGS[wire.kind]}</text>'


def _drawn_box(box: Box) -> Iterator[str]:
    x, y, color = box.x, box.y, f"var(--{box.kind.family})"
    if box.is_plugged_in:
        yield f'<circle class="box" cx="{box.middle}" cy="{y + _SIZE // 2}" r="{_SIZE // 2}" stroke="{color}"/>'
    elif box.kind.family == "start":
        yield (
            f'<path class="box" stroke="{color}" d="M{x + 24} {y}h{_SIZE - 32}q8 0 8 8v{_SIZE - 16}q0 8-8 8H{x + 24}'
            f'q-24 0-24-24v-{_SIZE - 48}q0-24 24-24z"/>'
        )
    else:
        yield f'<rect class="box" x="{x}" y="{y}" width="{box.width}" height="{_SIZE}" rx="8" stroke="{color}"/>'
    icon_x = x + (10 if box.inputs else (_SIZE - 28) // 2)
    scaled = f"translate({icon_x} {y + 14}) scale({28 / 24:.3f})"
    yield f'<path class="icon" stroke="{color}" transform="{scaled}" d="{box.kind.icon}"/>'
    if box.is_recorded:
        dot_x, dot_y = (box.middle + 20, y + 8) if box.is_plugged_in else (x + box.width - 3, y + 3)
        yield f'<circle cx="{dot_x}" cy="{dot_y}" r="5" fill="var(--kept)" stroke="var(--canvas)" stroke-width="2"/>'
    yield from _drawn_texts(box)


def _drawn_texts(box: Box) -> Iterator[str]:
    if box.inputs:
        yield f'<text class="name inside" x="{box.x + 46}" y="{box.y + 26}">{escape(box.name)}</text>'
        yield f'<text class="type inside" x="{box.x + 46}" y="{box.y + 41}">{escape(box.kind.title)}</text>'
    line_y = box.y + _SIZE + 2
    for text, size in box.texts:
        line_y += _LINE_HEIGHT[size]
        shown = "name" if size == _NAME else "type"
        yield f'<text class="{shown}" x="{box.middle}" y="{line_y}">{escape(text)}</text>'


def _wrapped(text: str, size: int) -> list[str]:
    """Words in lines that fit under a node."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _width(longer, size) > _TEXT_WIDTH:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _width(text: str, size: int) -> float:
    """How wide it is at most, in pixels: which sans-serif a reader has is not known, and DejaVu is a wide one."""
    narrow, wide = set("iIljtfr.,:' "), set("mwMW")
    return size * sum(0.4 if one in narrow else 1.0 if one in wide else 0.7 for one in text)


if __name__ == "__main__":
    for name, text in pictures().items():
        (N8N / "pictures" / name).write_text(text, encoding="utf-8")
