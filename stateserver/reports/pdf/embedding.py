"""The fonts within a PDF: of each only the glyphs that are used, each with the text that it stands for.

A font is written as PDF's composite kind: a code of two bytes for each pair of a glyph and its text, in the order of
their first use, so that the same text always gives the same bytes.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

import uharfbuzz
from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFDocument, PDFName, PDFStream, PDFString, PDFZCompress

from stateserver.reports.pdf.fonts import Face, Typeface, typeface
from stateserver.reports.pdf.shaping import Glyph, Run, glyphs_of

_ENTRIES_MAX: Final = 100  # in one block of a character map
_KEPT_MAX: Final = 4096  # runs, most of which stand in a report again and again
_SYMBOLIC: Final = 4
_STEM: Final = 80
_NEEDLESS: Final = ("GSUB", "GPOS", "GDEF", "DSIG", "kern", "FFTM", "GPKG", "gasp", "OS/2", "name", "post", "cmap")


class EmbeddedFont:
    """One face in one document. `name` is what the document's pages call it."""

    def __init__(self, face: Face, name: str) -> None:
        self.name = name
        self._face = face
        self._codes: dict[tuple[int, str], int] = {}
        self._widths: list[int] = [typeface(face).advance(0)]
        self._written: dict[Run, str] = {}

    def write(self, run: Run, size: float) -> str:
        """The operators that draw a run in this size, and move on by its width."""
        kept = self._written.get(run)
        if kept is None:
            kept = self._write(glyphs_of(run), size)
            if "Ts" not in kept and len(self._written) < _KEPT_MAX:  # a rise goes by the size
                self._written[run] = kept
        return kept

    def _write(self, glyphs: Sequence[Glyph], size: float) -> str:
        parts, rise = [""], 0.0
        for glyph in glyphs:
            code = self._code(glyph)
            width = self._widths[code]
            if glyph.y_offset != rise:
                rise = glyph.y_offset
                parts += [f"] TJ {_number(rise * size / 1000)} Ts [", ""]
            if glyph.x_offset:
                parts += [_number(-glyph.x_offset), ""]
            parts[-1] += f"{code:04x}"
            behind = width - glyph.advance + glyph.x_offset
            if abs(behind) >= 0.5:
                parts += [_number(behind), ""]
        if len(parts) == 1:
            return f"<{parts[0]}> Tj"
        end = " 0 Ts" if rise else ""
        told = "".join(f"<{part}>" if index % 2 == 0 and part else part for index, part in enumerate(parts))
        return f"[{told}] TJ{end}"

    def _code(self, glyph: Glyph) -> int:
        known = (glyph.number, glyph.text)
        code = self._codes.get(known)
        if code is None:
            code = self._codes[known] = len(self._codes) + 1
            self._widths.append(typeface(self._face).advance(glyph.number))
        return code

    def addObjects(self, document: PDFDocument) -> None:  # noqa: N802
        """Write the font into the document, which calls this when all its pages are drawn."""
        found = typeface(self._face)
        subset, numbers = _subset(found, {number for number, _ in self._codes})
        name = f"AAAAAA+{self._face.value}"
        to_glyph = b"".join(struct.pack(">H", numbers[number]) for number, _ in self._codes)
        descendant = PDFDictionary(
            {
                "Type": PDFName("Font"),
                "Subtype": PDFName("CIDFontType2"),
                "BaseFont": PDFName(name),
                "CIDSystemInfo": PDFDictionary(
                    {"Registry": PDFString("Adobe"), "Ordering": PDFString("Identity"), "Supplement": 0}
                ),
                "FontDescriptor": document.Reference(_descriptor(found, name, document.Reference(_stream(subset)))),
                "W": PDFArray([0, PDFArray(self._widths)]),
                "CIDToGIDMap": document.Reference(_stream(b"\0\0" + to_glyph)),
            }
        )
        texts = [text for _, text in self._codes]
        fonts = document.idToObject["BasicFonts"].dict
        composite = PDFDictionary(
            {
                "Type": PDFName("Font"),
                "Subtype": PDFName("Type0"),
                "BaseFont": PDFName(name),
                "Encoding": PDFName("Identity-H"),
                "DescendantFonts": PDFArray([document.Reference(descendant)]),
                "ToUnicode": document.Reference(_stream(_character_map(texts).encode("ascii"))),
            }
        )
        fonts[self.name] = document.Reference(composite)


class Fonts:
    """The fonts of one document."""

    def __init__(self, document: PDFDocument) -> None:
        self._document = document
        self._fonts: dict[Face, EmbeddedFont] = {}

    def of(self, face: Face) -> EmbeddedFont:
        """The face as this document has it."""
        if face not in self._fonts:
            self._fonts[face] = EmbeddedFont(face, f"F{len(self._fonts) + 1}")
            self._document.delayedFonts.append(self._fonts[face])
        return self._fonts[face]


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _subset(found: Typeface, numbers: set[int]) -> tuple[bytes, dict[int, int]]:
    """A font of these glyphs alone, and their numbers in it."""
    wanted = uharfbuzz.SubsetInput()
    wanted.flags = uharfbuzz.SubsetFlags.NO_LAYOUT_CLOSURE | uharfbuzz.SubsetFlags.NOTDEF_OUTLINE
    for number in sorted(numbers):
        wanted.glyph_set.add(number)
    for table in _NEEDLESS:
        wanted.drop_table_tag_set.add(int.from_bytes(table.ljust(4).encode("ascii"), "big"))
    plan = uharfbuzz.SubsetPlan(found.face, wanted)
    mapping = plan.old_to_new_glyph_mapping
    return bytes(plan.execute().blob.data), {number: mapping[number] for number in numbers}


def _descriptor(found: Typeface, name: str, file: object) -> PDFDictionary:
    left, bottom, right, top = struct.unpack(">4h", bytes(found.face.reference_table("head").data[36:44]))
    extents = found.font.get_font_extents("ltr")
    return PDFDictionary(
        {
            "Type": PDFName("FontDescriptor"),
            "FontName": PDFName(name),
            "Flags": _SYMBOLIC,
            "FontBBox": PDFArray([round(found.scaled(units)) for units in (left, bottom, right, top)]),
            "ItalicAngle": 0,
            "Ascent": round(found.scaled(extents.ascender)),
            "Descent": round(found.scaled(extents.descender)),
            "CapHeight": round(found.scaled(extents.ascender)),
            "StemV": _STEM,
            "FontFile2": file,
        }
    )


def _stream(content: bytes) -> PDFStream:
    stream = PDFStream(content=content, filters=[PDFZCompress])
    stream.dictionary["Length1"] = len(content)
    return stream


def _character_map(texts: list[str]) -> str:
    """What each code stands for, as PDF writes it."""
    lines = [
        "/CIDInit /ProcSet findresource begin",
        "12 dict begin",
        "begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def",
        "/CMapType 2 def",
        "1 begincodespacerange",
        "<0000> <ffff>",
        "endcodespacerange",
    ]
    for start in range(0, len(texts), _ENTRIES_MAX):
        lines += _block(start, texts[start : start + _ENTRIES_MAX])
    return "\n".join([*lines, "endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end", ""])


def _block(start: int, texts: list[str]) -> Iterator[str]:
    yield f"{len(texts)} beginbfchar"
    for code, text in enumerate(texts, start + 1):
        yield f"<{code:04x}> <{text.encode('utf-16-be').hex()}>"
    yield "endbfchar"
